/* cli/system_keys.h: a terminal of which every key counts at once, and that is given back as it was. */
#ifndef CLI_SYSTEM_KEYS_H
#define CLI_SYSTEM_KEYS_H

#include <stdbool.h>
#include <stdint.h>

enum { CLI_NO_KEY = -1, CLI_KEYS_OVER = -2 };

/* stdin and stdout are a terminal that can move its cursor: a second screen is shown, keys are not echoed and not waited for. Ctrl-C is a
 * signal still (cli_interrupted); Ctrl-Z and Ctrl-\ do nothing, since they would leave the terminal as it is. False: they are none, and
 * nothing was done. */
bool cli_keys_begin(void);
void cli_keys_end(void); /* as it was; may be called twice */

/* The next key; CLI_NO_KEY when none came in time, or a signal did; CLI_KEYS_OVER when there will be none any more. */
int cli_key(int64_t timeout_ns);

#endif
