/* pages.h: what the files of the program that makes the manual pages share. */
#ifndef PAGES_H
#define PAGES_H

#include <stdbool.h>
#include <stdio.h>

/* pages.c: a page in the folder for its section, begun with its title: "tarn-put", 1. Ends the program if it cannot be written. */
FILE *page_begin(const char *name, int section, const char *group);
void page_end(FILE *page);
/* Text, with what roff would take for its own made harmless; at_start: the text begins a line. */
void page_text(FILE *page, const char *text, size_t length, bool at_start);
_Noreturn void page_fail(const char *what, const char *name);

/* command.c: a page a command, and one over all; from the table in cli/commands.c. */
void command_pages(void);

/* header.c: a page for each public function of a header, and one for the header: from its own comments. */
void header_pages(const char *path);

#endif
