// A transport with connections to plain sockets.
#pragma once

#include <string>

#include "support/raw_socket.h"
#include "support/test_host.h"

namespace expressgateway::test {

// A connection of the transport and its far end.
struct Link {
  RecordPtr record;
  RawSocket peer;
};

enum class Kind { kAccepted, kAcceptedUnix, kDialled, kDialledUnix };

constexpr Kind kKinds[] = {Kind::kAccepted, Kind::kAcceptedUnix, Kind::kDialled,
                           Kind::kDialledUnix};
constexpr Kind kTcpKinds[] = {Kind::kAccepted, Kind::kDialled};

class Scene {
 public:
  explicit Scene(const std::string& engine, const Sizes& sizes = {});

  // A new connection, which is open.
  Link Make(Kind kind);
  // A socket that the transport accepts from, and where it is.
  int32_t listener() const { return listener_; }
  int port() const { return port_; }
  // One that accepts what the transport dials.
  RawSocket& far_listener() { return far_listener_; }

  // Turns until the far end has read so many bytes more.
  std::string ReadAt(Link* link, size_t size);
  // Turns until the far end reads the end, and returns what came before; `error` gets the errno of a
  // connection that was reset.
  std::string ReadToEnd(Link* link, int* error = nullptr);
  // Turns until the far end's bytes were all taken by the kernel.
  void SendFrom(Link* link, std::string_view bytes);
  // Turns until the transport's side has received so many bytes in all.
  void AwaitReceived(const Link& link, size_t size);
  // Turns until all that has happened so far was delivered: a new connection brings a byte.
  void Settle();

  TestHost host;

 private:
  TemporaryFolder folder_;
  RawSocket far_listener_;
  RawSocket far_unix_;
  int port_ = 0;
  int32_t listener_ = -1;
  int32_t unix_listener_ = -1;
};

}  // namespace expressgateway::test
