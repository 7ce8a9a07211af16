/* By LD_PRELOAD: the time of day is EYEFLOW_CLOCK seconds since 1970 when the process starts, and goes on from there.
 * EYEFLOW_CLOCK_SET=1 says that a time service has set it. As soon as there is a file EYEFLOW_CLOCK_RIGHT, it is the
 * machine's own, and a time service has set it. The monotonic clock is not touched. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

static long long shift_seconds;
static int is_set;
static const char* right_file;

static int is_right(void) { return right_file != NULL && access(right_file, F_OK) == 0; }

__attribute__((constructor)) static void start(void) {
  struct timespec now;
  syscall(SYS_clock_gettime, CLOCK_REALTIME, &now);
  const char* clock = getenv("EYEFLOW_CLOCK");
  if (clock != NULL) shift_seconds = strtoll(clock, NULL, 10) - now.tv_sec;
  const char* set = getenv("EYEFLOW_CLOCK_SET");
  is_set = set != NULL && *set == '1';
  right_file = getenv("EYEFLOW_CLOCK_RIGHT");
}

int clock_gettime(clockid_t clock, struct timespec* time) {
  const int result = (int)syscall(SYS_clock_gettime, clock, time);
  if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE) && !is_right())
    time->tv_sec += shift_seconds;
  return result;
}

time_t time(time_t* out) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (out != NULL) *out = now.tv_sec;
  return now.tv_sec;
}

int gettimeofday(struct timeval* restrict out, void* restrict zone) {
  (void)zone;
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  out->tv_sec = now.tv_sec;
  out->tv_usec = now.tv_nsec / 1000;
  return 0;
}

int adjtimex(struct timex* status) {
  memset(status, 0, sizeof *status);
  const int set = is_set || is_right();
  status->status = set ? 0 : STA_UNSYNC;
  return set ? TIME_OK : TIME_ERROR;
}
