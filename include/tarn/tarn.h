/* tarn/tarn.h: all of Tarn. */
#ifndef TARN_TARN_H
#define TARN_TARN_H

#include <tarn/base.h>
#include <tarn/board.h>
#include <tarn/doctor.h>
#include <tarn/guard.h>
#include <tarn/inspect.h>
#include <tarn/map.h>
#include <tarn/stream.h>

#endif
