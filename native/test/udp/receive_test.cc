// Datagrams that come to a socket.
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <vector>

#include "support/pattern.h"
#include "support/raw_socket.h"
#include "support/registry.h"
#include "support/udp_host.h"

namespace expressgateway::test {
namespace {

const char* const kIpv4 = "127.0.0.1";

// The loopback addresses that this machine has.
std::vector<std::string> Hosts() {
  std::vector<std::string> hosts = {kIpv4};
  if (HasIpv6()) hosts.push_back("::1");
  return hosts;
}

TEST("udp receive: datagrams of every size come whole, with their addresses") {
  Pattern pattern;
  for (const std::string& host : Hosts()) {
    for (const UdpSizes& sizes : {UdpSizes(), kTinyUdp}) {
      UdpHost own(AnyPort(host), sizes);
      own.socket().Start();
      UdpPeer peer(host);
      uint32_t number = 0;
      for (size_t size : {0, 1, 2, 1199, 1200, 1201, 9000, 40'000, 65'506, 65'507}) {
        std::string bytes = pattern.Text(number++, size);
        peer.Send({host, own.port()}, bytes);
        own.AwaitArrivals(number);
        const UdpArrival& arrival = own.arrivals.back();
        CHECK(arrival.bytes == bytes);
        CHECK(arrival.remote == peer.place());
        CHECK_EQ(arrival.local, host);
        CHECK_EQ(arrival.ecn, 0);
      }
    }
  }
}

// Between two sockets on loopback the kernel hands a run over as it was sent.
TEST("udp receive: runs become datagrams again, whatever room there is for their records") {
  Pattern pattern;
  for (const std::string& host : Hosts()) {
    for (uint32_t received : {1u, 2u, 7u, 64u, 2048u}) {
      UdpSizes sizes;
      sizes.received = received;
      UdpHost own(AnyPort(host), sizes);
      own.socket().Start();
      UdpHost far{AnyPort(host)};
      uint32_t number = 0;
      for (uint32_t segment : {1u, 7u, 1000u, 1200u, 20'000u}) {
        for (size_t count : {size_t{1}, size_t{2}, size_t{3}, size_t{64}}) {
          // The last one is shorter, where it can be.
          size_t size = std::min<size_t>(count * segment - (segment > 1 ? 1 : 0), 60'000);
          std::string bytes = pattern.Text(number++, size);
          own.arrivals.clear();
          own.count = 0;
          far.Send({host, own.port()}, bytes, segment);
          own.AwaitArrivals((size + segment - 1) / segment);
          std::string whole;
          for (const UdpArrival& arrival : own.arrivals) {
            CHECK(arrival.bytes.size() == segment || &arrival == &own.arrivals.back());
            CHECK_EQ(arrival.remote.port, far.port());
            whole += arrival.bytes;
          }
          CHECK(whole == bytes);
        }
      }
      CHECK_EQ(far.state().dropped, 0);
    }
  }
}

TEST("udp receive: ECN is that of each datagram") {
  for (const std::string& host : Hosts()) {
    UdpHost own{AnyPort(host)};
    own.socket().Start();
    UdpPeer peer(host);
    for (uint32_t ecn : {0u, 1u, 2u, 3u, 0u}) {
      // The upper bits are of somebody else.
      int octet = static_cast<int>(ecn | 0xb8);
      peer.Set(host == kIpv4 ? IPPROTO_IP : IPPROTO_IPV6, host == kIpv4 ? IP_TOS : IPV6_TCLASS, octet);
      peer.Send({host, own.port()}, "marked");
      own.AwaitArrivals(own.count + 1);
      CHECK_EQ(own.arrivals.back().ecn, ecn);
    }
    // Outgoing datagrams can be marked too.
    UdpHost far{AnyPort(host)};
    far.Send({host, own.port()}, "marked by us", 0, "", 2);
    own.AwaitArrivals(own.count + 1);
    CHECK_EQ(own.arrivals.back().ecn, 2);
  }
}

TEST("udp receive: nothing is delivered before it starts, nor after it stops") {
  UdpHost own;
  UdpPeer peer;
  for (int count = 0; count < 10; count++) peer.Send({kIpv4, own.port()}, "kept");
  for (int count = 0; count < 20; count++) own.Turn(1);
  CHECK_EQ(own.count, 0);
  own.socket().Start();
  own.AwaitArrivals(10);
  own.socket().Stop();
  peer.Send({kIpv4, own.port()}, "left");
  for (int count = 0; count < 20; count++) own.Turn(1);
  CHECK_EQ(own.count, 10);
}

TEST("udp receive: one tick takes a bounded part of a flood, and the rest is announced again") {
  UdpSizes sizes;
  sizes.messages = 4;
  UdpHost own(sizes);
  UdpPeer peer;
  for (int count = 0; count < 200; count++) peer.Send({kIpv4, own.port()}, std::to_string(count));
  own.socket().Start();
  own.Turn(1000);
  CHECK_EQ(own.count, 4 * udp::kMaxRounds);
  own.AwaitArrivals(200);
  for (size_t index = 0; index < 200; index++) CHECK_EQ(own.arrivals[index].bytes, std::to_string(index));
  for (uint32_t batch : own.batches) CHECK(batch <= 4);
}

TEST("udp receive: bound to no address, it knows which was asked, and answers from it") {
  UdpHost own{AnyPort("0.0.0.0")};
  own.socket().Start();
  UdpPeer peer;
  own.on_arrival = [&](const UdpArrival& arrival) {
    own.Send(arrival.remote, arrival.local, 0, arrival.local);
  };
  for (const char* host : {"127.0.0.1", "127.0.0.9", "127.200.1.1"}) {
    peer.Send({host, own.port()}, "who?");
    std::vector<std::string> answers;
    UdpPlace from;
    own.Until("the answer has come", [&] {
      peer.Read(&answers, &from);
      return !answers.empty();
    });
    CHECK_EQ(answers.back(), host);
    CHECK_EQ(from.host, host);
    CHECK_EQ(from.port, own.port());
  }
}

TEST("udp receive: sockets that share a port share its datagrams") {
  UdpHost first{AnyPort("127.0.0.1", true)};
  udp::OpenOptions options = AnyPort("127.0.0.1", true);
  options.port = first.port();
  UdpHost second(options);
  first.socket().Start();
  second.socket().Start();
  for (int count = 0; count < 64; count++) UdpPeer().Send({kIpv4, first.port()}, "x");
  first.Until("all have come", [&] {
    second.Turn(0);
    return first.count + second.count == 64;
  });
  CHECK(first.count > 0 && second.count > 0);
}

TEST("udp receive: a descriptor that is no socket any more is an error, told once") {
  UdpHost own;
  own.socket().Start();
  int file = open("/dev/zero", O_RDONLY | O_CLOEXEC);
  CHECK_EQ(dup3(file, own.socket().fd(), O_CLOEXEC), own.socket().fd());
  close(file);
  own.Until("the error was told", [&] { return own.failed != 0; });
  CHECK_EQ(own.failed, ENOTSOCK);
  own.failed = 0;
  for (int count = 0; count < 20; count++) own.Turn(1);
  CHECK_EQ(own.failed, 0);
}

}  // namespace
}  // namespace expressgateway::test
