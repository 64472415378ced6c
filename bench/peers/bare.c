/* bench/peers/bare.c: the bare loop: what polling is measured against. */
#define TITLE "bare loop (limit)"
#define SLEEPS 0
#include "bare.h"
