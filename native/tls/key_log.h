// The file that secrets of connections are appended to, in the NSS key log format, for whoever analyses
// captures of them. Only its owner may read it.
#pragma once

#include <string>

namespace expressgateway::tls {

class KeyLog {
 public:
  KeyLog() = default;
  ~KeyLog();
  KeyLog(const KeyLog&) = delete;
  KeyLog& operator=(const KeyLog&) = delete;

  // False with the problem in words.
  bool Open(const std::string& path, std::string* problem);
  bool is_open() const { return fd_ >= 0; }
  // Appends a line; what cannot be written is lost.
  void Append(const char* line) const;

 private:
  int fd_ = -1;
};

}  // namespace expressgateway::tls
