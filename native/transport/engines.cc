#include "transport/engines.h"

#include "transport/epoll_transport.h"

namespace expressgateway::transport {

std::unique_ptr<Transport> MakeTransport(const std::string& engine, const SharedMemory& memory,
                                         Host* host) {
  if (engine == "epoll") return std::make_unique<EpollTransport>(memory, host);
  return nullptr;
}

std::string ProbeEngine(const std::string& engine) {
  return engine == "epoll" ? "" : "not built";
}

}  // namespace expressgateway::transport
