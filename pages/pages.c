/* pages.c: pages FOLDER HEADER...: makes the manual pages: man1 of the command, from its own table; man3 of the API, from the comments in
 * the public headers. A program for the build, not installed. */
#include "pages.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <tarn/tarn.h>

static const char *folder;

void page_fail(const char *what, const char *name) {
  fprintf(stderr, "pages: %s: %s\n", name, what);
  exit(1);
}

FILE *page_begin(const char *name, int section, const char *group) {
  char path[4096], title[256];
  size_t length = strlen(name);
  if (length >= sizeof title) page_fail("the name is too long", name);
  snprintf(path, sizeof path, "%s/man%d/%s.%d", folder, section, name, section);
  FILE *page = fopen(path, "w");
  if (!page) page_fail("cannot be written", path);
  fputs(".TH ", page);
  page_text(page, name, length, false);
  fprintf(page, " %d \"\" \"tarn %s\" \"%s\"\n", section, tarn_version(), group); /* no date: the same sources, the same page */
  return page;
}

void page_end(FILE *page) {
  if (ferror(page) || fclose(page) != 0) page_fail("cannot be written", folder);
}

/* A minus is what people type and search for; roff would make it a hyphen. */
void page_text(FILE *page, const char *text, size_t length, bool at_start) {
  for (size_t i = 0; i < length; i++) {
    if (at_start && (text[i] == '.' || text[i] == '\'')) fputs("\\&", page);
    at_start = text[i] == '\n';
    if (text[i] == '\\')
      fputs("\\e", page);
    else if (text[i] == '-')
      fputs("\\-", page);
    else if (text[i] == '`')
      fputs("\\(ga", page);
    else if (text[i] == '\'')
      fputs("\\(aq", page);
    else if (text[i] == '~')
      fputs("\\(ti", page);
    else if (text[i] == '^')
      fputs("\\(ha", page);
    else
      fputc(text[i], page);
  }
}

int main(int argc, char **argv) {
  char path[4096];
  if (argc < 3) {
    fputs("usage: pages FOLDER HEADER...\n", stderr);
    return 2;
  }
  folder = argv[1];
  for (int section = 1; section <= 3; section += 2) {
    snprintf(path, sizeof path, "%s/man%d", folder, section);
    mkdir(path, 0777); /* there already: then opening a page says what is wrong, if anything is */
  }
  command_pages();
  for (int i = 2; i < argc; i++) header_pages(argv[i]);
  return 0;
}
