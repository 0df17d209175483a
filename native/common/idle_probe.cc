#include "common/idle_probe.h"

#include <sys/socket.h>

#include <cerrno>

namespace expressgateway {

int ProbeIdle(int fd) {
  char byte;
  ssize_t got;
  do {
    got = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  } while (got < 0 && errno == EINTR);
  if (got > 0) return kProbeUnexpectedBytes;
  if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return kProbeQuiet;
  return kProbeClosed;
}

}  // namespace expressgateway
