/* butterfly.c: draws the picture that the examples pass around, as a 24-bit Windows bitmap.
 *
 *   butterfly FILE [orange|blue]
 *
 * Wings are outlines of Bezier curves; how far a point is from an outline, from a vein, from a spot decides its colour. Only
 * + - * / and square roots are used, which every IEEE machine rounds alike: the file is the same wherever it is drawn.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 800, HEIGHT = 600, STEPS = 24, MOST_POINTS = 6 * STEPS, VEINS = 7, LIGHTS = 46, HEADER = 54 };

typedef struct point {
  double x, y;
} point;

typedef struct color {
  double r, g, b; /* 0 to 1 */
} color;

typedef struct curve {
  point a, b, c, d; /* from a to d, drawn towards b and c on the way */
} curve;

typedef struct line {
  point points[MOST_POINTS];
  int count;
} line;

typedef struct wing {
  line outline, margin; /* margin: the part of the outline that is furthest from the body */
  line veins[VEINS];
  point spots[2 * VEINS];
  point root;
  double reach; /* from the root to the tip */
} wing;

typedef struct palette {
  color root, middle, tip, edge, spot, sky, ground, glow;
} palette;

typedef struct light {
  point center;
  double radius, strength;
} light;

static light lights[LIGHTS];

static const palette palettes[] = {
    {{0.36, 0.10, 0.02},
     {0.93, 0.38, 0.03},
     {1.00, 0.74, 0.16},
     {0.07, 0.04, 0.05},
     {1.00, 0.95, 0.84},
     {0.55, 0.72, 0.62},
     {0.08, 0.24, 0.17},
     {0.98, 0.92, 0.62}},
    {{0.02, 0.08, 0.26},
     {0.05, 0.36, 0.86},
     {0.35, 0.85, 1.00},
     {0.03, 0.03, 0.08},
     {0.92, 0.97, 1.00},
     {0.62, 0.52, 0.66},
     {0.12, 0.09, 0.22},
     {1.00, 0.78, 0.70}},
};

/* ---- Small geometry ---------------------------------------------------------------------------------------------------- */

static double clamp(double x) { return x < 0 ? 0 : x > 1 ? 1 : x; }

/* 0 below from, 1 above to, without a corner in between. */
static double rise(double from, double to, double x) {
  double t = clamp((x - from) / (to - from));
  return t * t * (3 - 2 * t);
}

static color mix(color a, color b, double t) {
  return (color){a.r + (b.r - a.r) * t, a.g + (b.g - a.g) * t, a.b + (b.b - a.b) * t};
}

static double distance(point a, point b) { return sqrt((a.x - b.x) * (a.x - b.x) + (a.y - b.y) * (a.y - b.y)); }

static point along(point a, point b, double t) { return (point){a.x + (b.x - a.x) * t, a.y + (b.y - a.y) * t}; }

static point at_curve(const curve *c, double t) {
  point ab = along(c->a, c->b, t), bc = along(c->b, c->c, t), cd = along(c->c, c->d, t);
  return along(along(ab, bc, t), along(bc, cd, t), t);
}

static void add_curve(line *l, curve c) {
  for (int i = 0; i < STEPS; i++) l->points[l->count++] = at_curve(&c, (double)i / (STEPS - 1));
}

/* The square of how far p is from the straight piece between a and b. */
static double from_piece(point p, point a, point b) {
  double dx = b.x - a.x, dy = b.y - a.y, px = p.x - a.x, py = p.y - a.y, length = dx * dx + dy * dy;
  double t = length > 0 ? clamp((px * dx + py * dy) / length) : 0;
  return (px - t * dx) * (px - t * dx) + (py - t * dy) * (py - t * dy);
}

static double from_line(point p, const line *l) {
  double nearest = 1e9;
  for (int i = 0; i + 1 < l->count; i++) {
    double d = from_piece(p, l->points[i], l->points[i + 1]);
    if (d < nearest) nearest = d;
  }
  return sqrt(nearest);
}

/* How deep p lies inside a closed outline; below 0: outside, and how far (or -1: further than matters). */
static double depth_in(point p, const line *l) {
  int inside = 0;
  if (p.x < -0.2 || p.x > 1.4 || p.y < -1.1 || p.y > 1.0) return -1;
  for (int i = 0; i < l->count; i++) {
    point a = l->points[i], b = l->points[(i + 1) % l->count];
    if ((a.y > p.y) != (b.y > p.y) && p.x < a.x + (p.y - a.y) / (b.y - a.y) * (b.x - a.x)) inside = !inside;
  }
  double d = from_line(p, l);
  return inside ? d : -d;
}

/* ---- Wings ------------------------------------------------------------------------------------------------------------- */

/* Veins run from the root to the margin, bent a little; spots lie between them, in two rows. */
static void make_wing(wing *w, const curve *curves, int count, int margin_first, int margin_count, double bend) {
  memset(w, 0, sizeof *w);
  w->root = curves[0].a;
  for (int i = 0; i < count; i++) add_curve(&w->outline, curves[i]);
  for (int i = 0; i < margin_count; i++) add_curve(&w->margin, curves[margin_first + i]);
  for (int i = 0; i < VEINS; i++) {
    point end = w->margin.points[(w->margin.count - 1) * (2 * i + 1) / (2 * VEINS)];
    point third = along(w->root, end, 0.35), two = along(w->root, end, 0.7);
    double lift = bend * (VEINS / 2 - i) / VEINS;
    add_curve(&w->veins[i], (curve){w->root, {third.x - lift * 0.4, third.y + lift}, {two.x, two.y + lift * 0.6}, end});
    point between = w->margin.points[(w->margin.count - 1) * i / VEINS];
    w->spots[2 * i] = along(between, w->root, 0.045);
    w->spots[2 * i + 1] = along(between, w->root, 0.105);
    if (distance(w->root, end) > w->reach) w->reach = distance(w->root, end);
  }
}

static void make_wings(wing *fore, wing *hind) {
  static const curve fore_curves[] = {{{0.04, 0.10}, {0.22, 0.46}, {0.62, 0.80}, {1.04, 0.84}},
                                      {{1.04, 0.84}, {1.20, 0.85}, {1.18, 0.70}, {1.10, 0.56}},
                                      {{1.10, 0.56}, {1.00, 0.38}, {0.93, 0.28}, {0.86, 0.08}},
                                      {{0.86, 0.08}, {0.62, -0.06}, {0.30, 0.02}, {0.04, 0.02}},
                                      {{0.04, 0.02}, {0.03, 0.05}, {0.03, 0.07}, {0.04, 0.10}}};
  static const curve hind_curves[] = {{{0.04, 0.02}, {0.30, 0.10}, {0.62, 0.12}, {0.82, -0.04}},
                                      {{0.82, -0.04}, {0.95, -0.18}, {0.93, -0.38}, {0.80, -0.50}},
                                      {{0.80, -0.50}, {0.70, -0.60}, {0.58, -0.62}, {0.50, -0.68}},
                                      {{0.50, -0.68}, {0.46, -0.76}, {0.47, -0.88}, {0.40, -0.90}},
                                      {{0.40, -0.90}, {0.32, -0.90}, {0.34, -0.76}, {0.28, -0.68}},
                                      {{0.28, -0.68}, {0.16, -0.56}, {0.06, -0.34}, {0.04, 0.02}}};
  make_wing(fore, fore_curves, 5, 1, 2, 0.20);
  make_wing(hind, hind_curves, 6, 1, 3, 0.12);
}

static color wing_color(const wing *w, const palette *paint, point p, double depth) {
  double t = distance(p, w->root) / w->reach, vein = 1e9, spot = 1e9;
  for (int i = 0; i < VEINS; i++) {
    double d = from_line(p, &w->veins[i]);
    if (d < vein) vein = d;
    d = distance(p, w->spots[2 * i]) - 0.017;
    if (d < spot) spot = d;
    d = distance(p, w->spots[2 * i + 1]) - 0.011;
    if (d < spot) spot = d;
  }
  double margin = from_line(p, &w->margin);
  color c = mix(mix(paint->root, paint->middle, rise(0.02, 0.42, t)), paint->tip, rise(0.40, 0.95, t));
  /* a sheen between the veins, and light that falls from the upper left */
  double sheen = rise(0.0, 0.06, vein) * (0.16 + 0.14 * rise(0.2, 0.7, t)),
         light = 0.86 + 0.22 * clamp(0.5 + 0.4 * p.y - 0.1 * p.x);
  c = mix(c, (color){1, 1, 1}, sheen * 0.55);
  c = (color){c.r * light, c.g * light, c.b * light};
  c = mix(c, paint->edge, 0.92 * (1 - rise(0.004, 0.011, vein * (0.55 + 0.75 * t))));
  double border = 1 - rise(0.105, 0.150, margin - 0.35 * clamp(0.055 - vein)), rim = 1 - rise(0.014, 0.032, depth);
  c = mix(c, paint->edge, 0.96 * (border > rim ? border : rim));
  return mix(c, paint->spot, 0.95 * (1 - rise(-0.004, 0.004, spot)));
}

/* ---- Body, ground, light ----------------------------------------------------------------------------------------------- */

/* How deep p is in an upright ellipse, about in the units of the picture. */
static double in_ellipse(point p, point center, double rx, double ry) {
  double x = (p.x - center.x) / rx, y = (p.y - center.y) / ry;
  return (1 - sqrt(x * x + y * y)) * (rx < ry ? rx : ry);
}

static color draw_body(color under, point p, double pixel) {
  static const point thorax = {0, 0.06}, abdomen = {0, -0.26}, head = {0, 0.225};
  static line feeler;
  if (!feeler.count) add_curve(&feeler, (curve){{0.015, 0.26}, {0.05, 0.45}, {0.14, 0.58}, {0.26, 0.66}});
  double club = distance(p, feeler.points[STEPS - 1]) - 0.016, hair = from_line(p, &feeler) - 0.0045;
  color dark = {0.06, 0.04, 0.05}, fur = {0.42, 0.30, 0.20};
  color c = mix(under, dark, 1 - rise(0, 1.5 * pixel, hair < club ? hair : club));
  double taper = 0.050 - 0.020 * rise(-0.25, -0.55, p.y);
  double parts[3] = {in_ellipse(p, abdomen, taper, 0.30), in_ellipse(p, thorax, 0.068, 0.16),
                     in_ellipse(p, head, 0.048, 0.052)};
  for (int i = 0; i < 3; i++) {
    double round = rise(0, i == 0 ? 0.045 : 0.06, parts[i]);
    double ring = i == 0 ? 0.55 + 0.45 * rise(0.15, 0.5, fabs(p.y * 14 - floor(p.y * 14) - 0.5) * 2) : 1;
    color skin = mix(dark, fur, round * ring);
    c = mix(c, skin, rise(-pixel * 0.7, pixel * 0.7, parts[i]));
  }
  double eye = distance(p, (point){0.034, 0.245}) - 0.016;
  return mix(c, mix(dark, (color){0.75, 0.8, 0.85}, rise(0.008, 0.016, -eye)), 1 - rise(-pixel, pixel, eye));
}

/* Numbers from 0 to 1 that look like chance and are the same every time. */
static double next_number(uint32_t *seed) {
  *seed = *seed * 1664525u + 1013904223u;
  return (double)(*seed >> 8) / (1 << 24);
}

static void make_lights(void) {
  uint32_t seed = 20240229;
  for (int i = 0; i < LIGHTS; i++) {
    double x = next_number(&seed), y = next_number(&seed), size = next_number(&seed);
    lights[i] = (light){{x * 3.2 - 1.6, y * 2.4 - 1.2}, 0.04 + 0.16 * size * size, next_number(&seed)};
  }
}

/* A meadow out of focus: two colours, and discs of light. */
static color draw_ground(const palette *paint, point p) {
  color c = mix(paint->ground, paint->sky, rise(-1.1, 1.2, p.y + 0.25 * p.x));
  for (int i = 0; i < LIGHTS; i++) {
    const light *l = &lights[i];
    double d = distance(p, l->center) - l->radius, soft = 0.012 + 0.05 * l->strength;
    double disc = 1 - rise(-soft, soft, d), ring = 1 - rise(0.0, 0.03, fabs(d + 0.015));
    c = mix(c, paint->glow, (0.05 + 0.13 * l->strength) * disc + 0.05 * ring);
  }
  double away = p.x * p.x * 0.32 + p.y * p.y * 0.5;
  return mix(c, (color){0.01, 0.03, 0.04}, 0.55 * rise(0.25, 1.3, away));
}

static double shadow_of(const wing *fore, const wing *hind, point p) {
  point moved = {fabs(p.x - 0.05), p.y + 0.09};
  double a = depth_in(moved, &fore->outline), b = depth_in(moved, &hind->outline), d = a > b ? a : b;
  return 0.55 * rise(-0.11, 0.06, d);
}

/* x from -1.6 to 1.6, y upward; the butterfly is turned a little. One side is drawn, the other is its mirror image. */
static color draw_point(const palette *paint, const wing *fore, const wing *hind, point p, double pixel) {
  static const double turn_cos = 0.99, turn_sin = 0.141067359796659; /* squares add up to 1 */
  point q = {(p.x * turn_cos - p.y * turn_sin) / 1.08, (p.x * turn_sin + p.y * turn_cos) / 1.08 + 0.02};
  point side = {fabs(q.x), q.y};
  color c = draw_ground(paint, p);
  c = mix(c, (color){0.01, 0.02, 0.03}, shadow_of(fore, hind, q));
  const wing *wings[2] = {hind, fore};
  for (int i = 0; i < 2; i++) {
    double depth = depth_in(side, &wings[i]->outline);
    if (i == 1 && depth < 0)
      c = mix(c, (color){0, 0, 0}, 0.35 * rise(-0.05, 0, depth) * rise(-0.02, 0.02, depth_in(side, &hind->outline)));
    if (depth > -pixel) c = mix(c, wing_color(wings[i], paint, side, depth), rise(-0.7 * pixel, 0.7 * pixel, depth));
  }
  return draw_body(c, side, pixel);
}

/* ---- The file ---------------------------------------------------------------------------------------------------------- */

static uint8_t to_byte(double value) { return (uint8_t)(clamp(value) * 255 + 0.5); }

static void put32(uint8_t *at, uint32_t value) {
  for (int i = 0; i < 4; i++) at[i] = (uint8_t)(value >> (8 * i));
}

/* Header of 14 + 40 bytes, then rows of blue, green, red from the bottom up; WIDTH * 3 is a multiple of 4. */
static void make_header(uint8_t header[HEADER]) {
  memset(header, 0, HEADER);
  header[0] = 'B', header[1] = 'M';
  put32(header + 2, HEADER + WIDTH * HEIGHT * 3);
  put32(header + 10, HEADER);
  put32(header + 14, 40);
  put32(header + 18, WIDTH);
  put32(header + 22, HEIGHT);
  header[26] = 1;
  header[28] = 24;
  put32(header + 34, WIDTH * HEIGHT * 3);
  put32(header + 38, 2835); /* 72 dots an inch */
  put32(header + 42, 2835);
}

static void draw(uint8_t *pixels, const palette *paint) {
  static wing fore, hind;
  const double pixel = 2.4 / HEIGHT;
  make_wings(&fore, &hind);
  make_lights();
  for (int y = 0; y < HEIGHT; y++) {
    for (int x = 0; x < WIDTH; x++) {
      point p = {(x + 0.5 - WIDTH / 2) * pixel, (y + 0.5 - HEIGHT / 2) * pixel};
      color c = draw_point(paint, &fore, &hind, p, pixel);
      uint8_t *at = pixels + (y * WIDTH + x) * 3;
      at[0] = to_byte(c.b), at[1] = to_byte(c.g), at[2] = to_byte(c.r);
    }
  }
}

int main(int argc, char **argv) {
  const char *which = argc > 2 ? argv[2] : "orange";
  if (argc < 2 || argc > 3 || (strcmp(which, "orange") != 0 && strcmp(which, "blue") != 0)) {
    fprintf(stderr, "usage: butterfly FILE [orange|blue]\n");
    return 2;
  }
  uint8_t header[HEADER], *pixels = malloc(WIDTH * HEIGHT * 3);
  FILE *file = pixels ? fopen(argv[1], "wb") : NULL;
  if (!file) {
    perror(argv[1]);
    free(pixels);
    return 1;
  }
  make_header(header);
  draw(pixels, &palettes[strcmp(which, "blue") == 0]);
  int ok = fwrite(header, 1, HEADER, file) == HEADER && fwrite(pixels, 3, WIDTH * HEIGHT, file) == WIDTH * HEIGHT;
  free(pixels);
  if (fclose(file) != 0 || !ok) {
    perror(argv[1]);
    return 1;
  }
  return 0;
}
