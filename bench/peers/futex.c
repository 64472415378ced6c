/* bench/peers/futex.c: the bare loop with a futex: what sleeping is measured against. */
#define TITLE "bare futex (limit)"
#define SLEEPS 1
#include "bare.h"
