/* Continues one or several prompts, all at once, with the likeliest tokens:
 *
 *     generate MODEL.nnm N TOKENS...
 *     generate qwen3.nnm 8 1,2,3 40,41
 *
 * prints for each prompt one line of N token ids: what `nntune run MODEL.nnm --tokens 1,2,3 --ids -n N` prints. */
#include <errno.h>
#include <nntune.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void die(const char* message) {
  fprintf(stderr, "generate: %s\n", message);
  exit(1);
}

/* Every function of nntune that can fail says why on the same thread. */
static void check(nntune_status status) {
  if (status != NNTUNE_OK) die(nntune_error_message());
}

static void* allocate(size_t count, size_t size) {
  void* memory = calloc(count, size);
  if (memory == NULL) die("out of memory");
  return memory;
}

/* The number at the start of `text`, 0 to INT32_MAX; `rest` gets what follows it. */
static int32_t parse_number(const char* text, char** rest) {
  long value;
  errno = 0;
  value = strtol(text, rest, 10);
  if (*rest == text || errno != 0 || value < 0 || value > INT32_MAX) die("N and TOKENS are numbers, such as 8 1,2,3");
  return (int32_t)value;
}

/* The ids in `text`, such as 1,2,3; `count` gets how many. To be freed by the caller. */
static int32_t* parse_tokens(const char* text, size_t* count) {
  int32_t* tokens = allocate(strlen(text) + 1, sizeof *tokens);
  const char* at = text;
  for (*count = 0;; ++at) {
    char* rest;
    tokens[(*count)++] = parse_number(at, &rest);
    at = rest;
    if (*at != ',') break;
  }
  if (*at != '\0') die("TOKENS are numbers with commas between them, such as 1,2,3");
  return tokens;
}

/* An empty sequence with room for what `prompt` becomes, after it has run. */
static nntune_sequence* start(const nntune_module* module, const char* prompt, int32_t n) {
  nntune_sequence* sequence;
  size_t count;
  int32_t* tokens = parse_tokens(prompt, &count);
  check(nntune_sequence_create(module, (int64_t)count + n, 0, &sequence));
  check(nntune_prefill(sequence, tokens, count));
  free(tokens);
  return sequence;
}

int main(int argc, char** argv) {
  nntune_module* module;
  nntune_sequence** sequences;
  int32_t* next;      /* [prompts]: the likeliest token of each */
  int32_t* generated; /* [prompts][n] */
  int32_t n, step;
  size_t prompts, i;
  char* rest;

  if (argc < 4) {
    fprintf(stderr, "usage: generate MODEL.nnm N TOKENS...\n");
    return 2;
  }
  n = parse_number(argv[2], &rest);
  if (*rest != '\0') die("N is a number");
  prompts = (size_t)argc - 3;
  sequences = allocate(prompts, sizeof *sequences);
  next = allocate(prompts, sizeof *next);
  generated = allocate(prompts * (size_t)n + 1, sizeof *generated);

  check(nntune_module_load(argv[1], 0, &module));
  for (i = 0; i < prompts; ++i) sequences[i] = start(module, argv[3 + i], n);

  for (step = 0; step < n; ++step) {
    for (i = 0; i < prompts; ++i) {
      next[i] = nntune_argmax(sequences[i]);
      generated[i * (size_t)n + (size_t)step] = next[i];
    }
    /* One step of all sequences; the last tokens need none, nobody asks what comes after them. */
    if (step + 1 < n) check(nntune_decode(sequences, next, prompts));
  }

  for (i = 0; i < prompts; ++i) {
    for (step = 0; step < n; ++step) {
      printf("%s%ld", step == 0 ? "" : ",", (long)generated[i * (size_t)n + (size_t)step]);
    }
    printf("\n");
  }

  for (i = 0; i < prompts; ++i) nntune_sequence_free(sequences[i]);
  nntune_module_free(module);
  free(generated);
  free(next);
  free(sequences);
  return fflush(stdout) == 0 ? 0 : 1;
}
