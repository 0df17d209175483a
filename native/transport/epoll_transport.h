// The transport on epoll: edge-triggered, one registration per socket for its whole life. What a
// read left behind is remembered and read in the next round, as no edge will announce it.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "transport/transport.h"

namespace expressgateway::transport {

class EpollTransport final : public Transport {
 public:
  EpollTransport(const SharedMemory& memory, Host* host) : Transport(memory, host) {}
  ~EpollTransport() override;

  int Open() override;
  int poll_fd() const override { return epoll_; }

 private:
  struct Ready {
    int32_t id;
    uint32_t generation;
  };

  bool Watch(Connection* connection) override;
  bool WatchListener(Listener* listener) override;
  void UnwatchListener(Listener* listener) override;
  void Gather(bool first) override;
  bool HasMore() const override { return !ready_.empty() || accepted_; }
  void Send(Connection* connection, const iovec* pieces, int count) override;
  void SendQueued(Connection* connection) override;
  void Pause(Connection* connection) override {}
  void Resume(Connection* connection) override;
  void ReadOut(Connection* connection) override;
  void ServeLater(Connection* connection) override { ReadLater(connection); }
  void CloseDescriptor(Connection* connection) override;

  void OnEvent(Connection* connection, uint32_t mask);
  void Receive(Connection* connection);
  void ReceiveInto(Connection* connection, const iovec& room);
  void AcceptAll(Listener* listener);
  void ReadLater(Connection* connection);
  void ReadReady();

  int epoll_ = -1;
  std::vector<Ready> ready_;
  std::vector<Ready> reading_;
  // Where encrypted bytes are received; made when there is TLS.
  std::unique_ptr<uint8_t[]> encrypted_;
  // Connections were accepted in the last round: their first bytes are often there already.
  bool accepted_ = false;
};

}  // namespace expressgateway::transport
