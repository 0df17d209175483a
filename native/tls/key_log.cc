#include "tls/key_log.h"

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace expressgateway::tls {

KeyLog::~KeyLog() {
  if (fd_ >= 0) close(fd_);
}

bool KeyLog::Open(const std::string& path, std::string* problem) {
  fd_ = open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (fd_ >= 0) return true;
  *problem = "the key log " + path + " cannot be opened: " + std::strerror(errno);
  return false;
}

// One call a line, so that lines of several processes do not mix.
void KeyLog::Append(const char* line) const {
  char end[] = "\n";
  iovec pieces[] = {{const_cast<char*>(line), std::strlen(line)}, {end, 1}};
  ssize_t written;
  do {
    written = writev(fd_, pieces, 2);
  } while (written < 0 && errno == EINTR);
}

}  // namespace expressgateway::tls
