#include "transport/engines.h"

#include "transport/epoll_transport.h"
#include "transport/uring_probe.h"
#include "transport/uring_transport.h"

namespace expressgateway::transport {

std::unique_ptr<Transport> MakeTransport(const std::string& engine, const SharedMemory& memory,
                                         Host* host) {
  if (engine == "epoll") return std::make_unique<EpollTransport>(memory, host);
  if (engine == "io_uring") return std::make_unique<UringTransport>(memory, host);
  return nullptr;
}

std::string ProbeEngine(const std::string& engine) {
  if (engine == "epoll") return "";
  return engine == "io_uring" ? ProbeUring() : "not built";
}

}  // namespace expressgateway::transport
