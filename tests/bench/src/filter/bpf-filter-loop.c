/* Times libpcap's interpreter as C calls it: `bpf_filter` on every packet of a file, all in memory.
 * usage: bpf-filter-loop PACKETS PROGRAM PASSES → how many matched, and nanoseconds per packet of the best pass
 * PACKETS: count, then (start, length) of each, then the bytes; numbers are 32-bit, of this machine's byte order.
 * PROGRAM: struct bpf_insn, one behind the other. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* pcap/bpf.h, declared here so that no header is needed */
extern unsigned int bpf_filter(const void *program, const unsigned char *packet, unsigned int wire, unsigned int captured);

static uint32_t *read_file(const char *path) {
  FILE *file = fopen(path, "rb");
  if (!file || fseek(file, 0, SEEK_END)) exit(1);
  long size = ftell(file);
  uint32_t *words = malloc(size);
  rewind(file);
  if (!words || fread(words, 1, size, file) != (size_t)size) exit(1);
  fclose(file);
  return words;
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1e9 + time.tv_nsec;
}

int main(int count, char **arguments) {
  if (count != 4) return 2;
  const uint32_t *packets = read_file(arguments[1]), *program = read_file(arguments[2]);
  const uint32_t total = packets[0];
  const unsigned char *bytes = (const unsigned char *)(packets + 1 + 2 * total);
  uint32_t matched = 0;
  double best = 0;
  /* The first pass warms up. */
  for (int pass = 0; pass <= atoi(arguments[3]); pass++) {
    double begin = now();
    matched = 0;
    for (uint32_t packet = 0; packet < total; packet++) {
      const uint32_t start = packets[1 + 2 * packet], length = packets[2 + 2 * packet];
      matched += bpf_filter(program, bytes + start, length, length) != 0;
    }
    double each = (now() - begin) / total;
    if (pass > 0 && (best == 0 || each < best)) best = each;
  }
  printf("%u %.3f\n", matched, best);
  return 0;
}
