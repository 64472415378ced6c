/* header.c: manual pages from the public headers' own comments. What is understood is how this project writes them:
 *
 *   a comment that begins with the name of a function and a colon, directly before its declaration (TARN_API ... ;): its page. Lines
 *   `name   meaning` (two spaces or more between) become a list, a paragraph that begins with `Returns` a section of its own
 *   all else: the page of the header, its first comment as the description, the rest as it stands
 */
#include "pages.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_ROOM = 128, NAMES_ROOM = 4096 };

typedef struct span {
  const char *start, *end;
} span;

static char *read_file(const char *path) {
  FILE *file = fopen(path, "r");
  enum { ROOM = 1 << 20 };
  char *text = malloc(ROOM);
  if (!file || !text) page_fail("cannot be read", path);
  size_t size = fread(text, 1, ROOM - 1, file);
  text[size] = 0;
  fclose(file);
  return text;
}

static const char *base_name(const char *path) { return strrchr(path, '/') ? strrchr(path, '/') + 1 : path; }

/* ---- A comment's text -------------------------------------------------------------------------------------------------- */

/* The lines of a comment without what makes it one: "/" "* ", " * ", " *" "/". Freed by the caller. */
static char *comment_text(span comment) {
  char *text = malloc((size_t)(comment.end - comment.start) + 2), *to = text;
  if (!text) page_fail("no memory", "pages");
  for (const char *line = comment.start + 2, *end = comment.end - 2; line < end;) {
    const char *stop = memchr(line, '\n', (size_t)(end - line));
    if (!stop) stop = end;
    if (line + 1 < end && line[0] == ' ' && line[1] == '*') line += 2; /* not in the first line */
    if (line < stop && *line == ' ') line++;
    while (stop > line && stop[-1] == ' ') stop--;
    memcpy(to, line, (size_t)(stop - line));
    to += stop - line;
    *to++ = '\n';
    line = stop < end ? strchr(stop, '\n') + 1 : end;
    if (line == NULL || line > end) break;
  }
  *to = 0;
  return text;
}

/* Where the meaning begins in `name   meaning`, indented by two at most; *ret_name: where the name ends. 0: no such line. */
static size_t item_meaning(const char *line, size_t length, size_t *ret_name) {
  size_t start = strspn(line, " "), name = start;
  while (name < length && (isalnum((unsigned char)line[name]) || strchr("_|.,*- ", line[name])) &&
         !(line[name] == ' ' && line[name + 1] == ' '))
    name++;
  size_t meaning = name + strspn(line + name, " ");
  *ret_name = name;
  return (start == 0 || start == 2) && name > start && name < 28 && meaning - name >= 2 && meaning < length ? meaning : 0;
}

/* What a paragraph's text is written by. */
typedef struct flow {
  FILE *page;
  bool in_list, in_results, apart, ended; /* apart: a blank line came before; ended: the last line ended a sentence */
} flow;

static void item_line(flow *f, const char *line, size_t length, size_t name, size_t meaning) {
  size_t start = strspn(line, " ");
  fputs(".TP\n.B ", f->page);
  page_text(f->page, line + start, name - start, false);
  fputc('\n', f->page);
  page_text(f->page, line + meaning, length - meaning, true);
  f->in_list = true;
}

static void text_line(flow *f, const char *line, size_t length) {
  size_t indent = strspn(line, " ");
  bool results = strncmp(line, "Returns ", 8) == 0;
  if (results)
    fputs(".SH RETURN VALUE\n", f->page);
  else if (f->in_results && f->ended && indent == 0)
    fputs(".SH NOTES\n", f->page);
  else if (f->apart || (f->in_list && indent == 0))
    fputs(".PP\n", f->page);
  f->in_results = results || (f->in_results && (indent > 0 || !f->ended));
  if (indent == 0) f->in_list = false;
  page_text(f->page, line + indent, length - indent, true);
}

/* Paragraphs, lists, the section of results, and one of what follows them. */
static void describe(FILE *page, const char *text) {
  flow f = {.page = page};
  fputc(toupper((unsigned char)*text), page);
  text += *text != 0;
  for (const char *line = text; *line;) {
    size_t length = strcspn(line, "\n"), name, meaning = item_meaning(line, length, &name);
    if (length > 0) {
      if (meaning && !f.in_results)
        item_line(&f, line, length, name, meaning);
      else
        text_line(&f, line, length);
      fputc('\n', page);
    }
    f.apart = length == 0;
    f.in_list = f.in_list && length > 0;
    f.ended = length > 0 && line[length - 1] == '.';
    line += length + (line[length] == '\n');
  }
}

/* ---- Pages ------------------------------------------------------------------------------------------------------------- */

static void head(FILE *page, const char *name, const char *summary, size_t length, const char *header) {
  while (length > 0 && strchr(".\n ", summary[length - 1])) length--;
  fputs(".SH NAME\n", page);
  page_text(page, name, strlen(name), false);
  fputs(" \\- ", page);
  for (size_t i = 0; i < length; i++) page_text(page, summary[i] == '\n' ? " " : &summary[i], 1, false);
  fprintf(page, "\n.SH SYNOPSIS\n.nf\n#include <tarn/%s>\n", header);
}

static void as_it_stands(FILE *page, span code) {
  page_text(page, code.start, (size_t)(code.end - code.start), true);
  fputc('\n', page);
}

/* The first sentence is the summary: up to a period, a colon or a semicolon that ends a clause, or the end of the paragraph. */
static size_t summary_length(const char *text) {
  for (size_t i = 0; text[i]; i++) {
    if (text[i] == '\n' && text[i + 1] == '\n') return i;
    if ((text[i] == '.' || text[i] == ';' || text[i] == ':') && (text[i + 1] == ' ' || text[i + 1] == '\n')) return i;
  }
  return strlen(text);
}

static void function_page(const char *header, const char *name, const char *text, span declaration) {
  FILE *page = page_begin(name, 3, "Tarn");
  const char *summary = text + strlen(name) + 1;
  summary += strspn(summary, " \n");
  head(page, name, summary, summary_length(summary), header);
  fputc('\n', page);
  declaration.start += strlen("TARN_API ");
  as_it_stands(page, declaration);
  fputs(".fi\n.SH DESCRIPTION\n", page);
  describe(page, summary);
  char stem[64];
  snprintf(stem, sizeof stem, "%.*s", (int)strcspn(header, "."), header);
  fprintf(page, ".SH SEE ALSO\n.BR tarn_%s.h (3),\n.BR tarn (1)\n", stem);
  page_end(page);
}

/* One comment, and the declaration right behind it if it is a function's. True: it had a page; *ret_end is where to go on. */
static bool try_function(const char *header, span comment, const char **ret_end, char name[NAME_ROOM]) {
  char *text = comment_text(comment);
  size_t length = strcspn(text, ":");
  bool named = strncmp(text, "tarn_", 5) == 0 && length < NAME_ROOM && strncmp(comment.end, "\nTARN_API ", 10) == 0;
  if (named) {
    snprintf(name, NAME_ROOM, "%.*s", (int)length, text);
    const char *start = comment.end + 1, *end = strchr(start, ';'), *at = strstr(start, name);
    if (!end || !at || at > end || at[length] != '(') page_fail("the comment names another function than the one behind it", name);
    function_page(header, name, text, (span){start, end + 1});
    *ret_end = end + 1;
  }
  free(text);
  return named;
}

/* "tarn_board_open(3), ..." for the functions that have a page; ends with what every page ends with. */
static void see_also(FILE *page, const char *names) {
  fputs(".SH SEE ALSO\n", page);
  for (const char *name = names; *name; name += strlen(name) + 1) fprintf(page, ".BR %s (3),\n", name);
  fputs(".BR tarn (1)\n", page);
}

/* Everything that has no page of its own, from the first comment's end to the end of the declarations. */
static void header_page(const char *header, const char *text, FILE *types, const char *functions) {
  long size = ftell(types);
  char name[64];
  snprintf(name, sizeof name, "tarn_%s", header);
  FILE *page = page_begin(name, 3, "Tarn");
  char *rest = malloc((size_t)size + 1);
  if (!rest) page_fail("no memory", header);
  rewind(types);
  if (fread(rest, 1, (size_t)size, types) != (size_t)size) page_fail("cannot be read again", header);
  rest[size] = 0;
  const char *summary = strchr(text, ':') ? strchr(text, ':') + 1 : text;
  summary += strspn(summary, " \n");
  head(page, name, summary, summary_length(summary), header);
  fputs(".fi\n.SH DESCRIPTION\n", page);
  describe(page, summary);
  if (size > 0) {
    fputs(".SH DECLARATIONS\n.nf\n", page);
    page_text(page, rest, (size_t)size, true);
    fputs(".fi\n", page);
  }
  see_also(page, functions);
  page_end(page);
  free(rest);
}

void header_pages(const char *path) {
  char *all = read_file(path);
  const char *header = base_name(path), *at = strstr(all, "*/");
  FILE *types = tmpfile();
  if (strncmp(all, "/* tarn/", 8) != 0 || !at || !types) page_fail("does not begin with a comment", path);
  char *first = comment_text((span){all, at + 2});
  const char *end = strstr(all, "#ifdef __cplusplus\n}");
  bool blank = true;
  char functions[NAMES_ROOM] = "", *next_name = functions; /* each with its end, and one more at the end of all */
  at = strstr(at, "extern \"C\" {\n#endif\n");
  at = at ? at + strlen("extern \"C\" {\n#endif\n") : end;
  while (end && at < end) {
    const char *stop = strncmp(at, "/*", 2) == 0 ? strstr(at, "*/") : NULL, *next;
    if (next_name + NAME_ROOM >= functions + NAMES_ROOM) page_fail("more functions than there is room for", path);
    if (stop && try_function(header, (span){at, stop + 2}, &next, next_name)) {
      next_name += strlen(next_name) + 1;
      at = next;
      continue;
    }
    size_t length = strcspn(at, "\n");
    bool kept = length > 0 || !blank;
    if (kept) fprintf(types, "%.*s\n", (int)length, at);
    blank = length == 0;
    at += length + 1;
  }
  *next_name = 0;
  header_page(header, first, types, functions);
  fclose(types);
  free(first);
  free(all);
}
