/* left.h: what a process has of the system, to see whether something was left behind. */
#ifndef LEFT_H
#define LEFT_H

typedef struct belongings {
  int descriptors; /* or handles */
  int mappings;    /* of files below the test's directory (Windows: of anything) */
  int names;       /* files in the test's directory */
} belongings;

belongings left_look(void);
/* Checks that they are the same. */
void left_compare(belongings before, belongings after);

#endif
