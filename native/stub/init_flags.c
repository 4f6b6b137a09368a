/* init_flags.c: the flags that people bring from tini and dumb-init, read as getopt does: letters may share a
 * word, and a value may follow in the same word. Pure: no system call. A word that is none of them is no
 * error here: uWSGI has -s, -p and -w too, and those lines go the long way.
 */
#include "stub/init_flags.h"

#include "common/text.h"

/* Signals 1 to 31, as kill -l has them. */
static const char NAMES[31][7] = {"HUP",  "INT",    "QUIT", "ILL",  "TRAP", "ABRT", "BUS",  "FPE",  "KILL", "USR1",  "SEGV",
                                  "USR2", "PIPE",   "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN",  "TTOU",
                                  "URG",  "XCPU",   "XFSZ", "VTALRM", "PROF", "WINCH", "IO",   "PWR",  "SYS"};

static i32 hasBeginning(const char *text, const char *beginning) {
  while (*beginning && *text == *beginning) text++, beginning++;
  return *beginning == 0;
}

/* `length` bytes of text: a name with or without SIG, or where `numbers` a number from `least` on. -> the
 * signal, or -1. */
static i32 readSignal(const char *text, u64 length, i32 numbers, i32 least) {
  char word[16];
  if (length == 0 || length >= sizeof word) return -1;
  memcpy(word, text, length);
  word[length] = 0;
  i64 number = numbers ? textToNumber(word) : -1;
  if (number >= 0) return number >= least && number <= SIGNALS ? (i32)number : -1;
  const char *name = hasBeginning(word, "SIG") ? word + 3 : word;
  for (u32 i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++)
    if (textEqual(name, NAMES[i])) return (i32)i + 1;
  return -1;
}

/* FROM:TO */
static i32 readRewrite(const char *value, struct init_flags *flags) {
  u64 colon = 0;
  while (value[colon] && value[colon] != ':') colon++;
  if (!value[colon]) return 0;
  i32 from = readSignal(value, colon, 1, 1);
  i32 to = readSignal(value + colon + 1, textLength(value + colon + 1), 1, 0);
  if (from < 0 || to < 0) return 0;
  flags->init.rewrite[from] = (u8)to;
  return 1;
}

static i32 readValue(char letter, const char *value, struct init_flags *flags) {
  i64 number = -1;
  switch (letter) {
    case 'r': return readRewrite(value, flags);
    case 'e':
      number = textToNumber(value);
      if (number < 0 || number > 255) return 0;
      flags->init.zero_codes[number / 64] |= 1ul << (number % 64);
      return 1;
    default: /* p: a number would be uWSGI's count of processes */
      number = readSignal(value, textLength(value), 0, 1);
      if (number < 0) return 0;
      flags->init.pdeathsig = (u32)number;
      return 1;
  }
}

/* A letter that takes no value. */
static i32 readLetter(char letter, struct init_flags *flags) {
  switch (letter) {
    case 's': /* reeve adopts orphans in any case, */
    case 'g': return 1; /* and its signals are for the whole group */
    case 'c': flags->single = 1; return 1;
    case 'v': flags->request |= REEVE_F_VERBOSE; return 1;
    case 'w': flags->request |= REEVE_F_TELL_REAPED; return 1;
    default: return 0;
  }
}

/* --NAME, --NAME=VALUE, or with its value in `next`. -> how many words it took; 0: none of ours. */
static i64 readLong(const char *name, const char *next, struct init_flags *flags) {
  if (textEqual(name, "single-child")) return readLetter('c', flags);
  if (textEqual(name, "verbose")) return readLetter('v', flags);
  if (textEqual(name, "rewrite")) return next && readValue('r', next, flags) ? 2 : 0;
  return hasBeginning(name, "rewrite=") ? readValue('r', name + 8, flags) : 0;
}

static i64 readShort(const char *letters, const char *next, struct init_flags *flags) {
  for (; *letters; letters++) {
    if (*letters == 'e' || *letters == 'r' || *letters == 'p') {
      if (letters[1]) return readValue(*letters, letters + 1, flags);
      return next && readValue(*letters, next, flags) ? 2 : 0;
    }
    if (!readLetter(*letters, flags)) return 0;
  }
  return 1;
}

i32 initFlagsRead(char *const *words, i64 count, struct init_flags *flags) {
  memset(flags, 0, sizeof *flags);
  memset(flags->init.rewrite, REWRITE_NONE, sizeof flags->init.rewrite);
  for (i64 at = 0; at < count;) {
    const char *word = words[at];
    const char *next = at + 1 < count ? words[at + 1] : 0;
    if (word[0] != '-' || !word[1]) return 0;
    i64 taken = word[1] == '-' ? readLong(word + 2, next, flags) : readShort(word + 1, next, flags);
    if (taken == 0) return 0;
    at += taken;
  }
  return 1;
}
