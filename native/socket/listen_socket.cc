#include "socket/listen_socket.h"

#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "common/address.h"
#include "common/arguments.h"
#include "common/errno_error.h"

namespace expressgateway {
namespace {

struct BindOptions {
  std::string host;
  int port = 0;
  bool ipv6_only = false;
  bool reuse_port = false;
  int receive_buffer_bytes = 0;
  int send_buffer_bytes = 0;
  bool keep_alive = false;
};

bool ReadOptions(const Napi::Value& value, BindOptions* out) {
  if (!value.IsObject()) {
    Napi::TypeError::New(value.Env(), "bad argument: options").ThrowAsJavaScriptException();
    return false;
  }
  Napi::Object options = value.As<Napi::Object>();
  return ReadString(options.Get("host"), "host", &out->host) &&
         ReadInt(options.Get("port"), "port", &out->port) &&
         ReadBool(options.Get("ipv6Only"), "ipv6Only", &out->ipv6_only) &&
         ReadBool(options.Get("reusePort"), "reusePort", &out->reuse_port) &&
         ReadInt(options.Get("receiveBufferBytes"), "receiveBufferBytes",
                 &out->receive_buffer_bytes) &&
         ReadInt(options.Get("sendBufferBytes"), "sendBufferBytes", &out->send_buffer_bytes) &&
         ReadBool(options.Get("keepAlive"), "keepAlive", &out->keep_alive);
}

bool SetInt(int fd, int level, int option, int value) {
  return setsockopt(fd, level, option, &value, sizeof(value)) == 0;
}

// Buffer sizes, TCP_NODELAY and SO_KEEPALIVE pass from the listening socket to those it accepts.
// Buffer sizes must be set before listen(2), as the window scale depends on them (tcp(7)).
bool SetOptions(int fd, int family, const BindOptions& options) {
  if (!SetInt(fd, SOL_SOCKET, SO_REUSEADDR, 1)) return false;
  if (options.reuse_port && !SetInt(fd, SOL_SOCKET, SO_REUSEPORT, 1)) return false;
  if (family == AF_INET6 && !SetInt(fd, IPPROTO_IPV6, IPV6_V6ONLY, options.ipv6_only)) return false;
  if (options.keep_alive && !SetInt(fd, SOL_SOCKET, SO_KEEPALIVE, 1)) return false;
  if (!SetInt(fd, IPPROTO_TCP, TCP_NODELAY, 1)) return false;
  int receive = options.receive_buffer_bytes;
  if (receive > 0 && !SetInt(fd, SOL_SOCKET, SO_RCVBUF, receive)) return false;
  int send = options.send_buffer_bytes;
  return send <= 0 || SetInt(fd, SOL_SOCKET, SO_SNDBUF, send);
}

// The call that failed, with errno set, or null when the socket is bound.
const char* Bind(int fd, const BindOptions& options, const sockaddr_storage& address,
                 socklen_t length) {
  if (!SetOptions(fd, address.ss_family, options)) return "setsockopt";
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), length) != 0) return "bind";
  return nullptr;
}

// bindTcp(options): the descriptor of a bound socket, non-blocking and close-on-exec.
Napi::Value BindTcp(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  BindOptions options;
  if (!ReadOptions(info[0], &options)) return {};
  sockaddr_storage address;
  socklen_t length = ParseAddress(options.host, options.port, &address);
  if (length == 0) return ThrowErrno(env, "bind", EINVAL);
  int fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
  if (fd < 0) return ThrowErrno(env, "socket", errno);
  const char* failed = Bind(fd, options, address, length);
  if (failed != nullptr) {
    int error = errno;
    close(fd);
    return ThrowErrno(env, failed, error);
  }
  return Napi::Number::New(env, fd);
}

// listen(fd, backlog)
Napi::Value Listen(const Napi::CallbackInfo& info) {
  int fd = -1;
  int backlog = 0;
  if (!ReadInt(info[0], "fd", &fd) || !ReadInt(info[1], "backlog", &backlog)) return {};
  if (listen(fd, backlog) != 0) return ThrowErrno(info.Env(), "listen", errno);
  return info.Env().Undefined();
}

// closeDescriptor(fd): for descriptors that no handle of the runtime owns.
Napi::Value CloseDescriptor(const Napi::CallbackInfo& info) {
  int fd = -1;
  if (!ReadInt(info[0], "fd", &fd)) return {};
  if (close(fd) != 0) return ThrowErrno(info.Env(), "close", errno);
  return info.Env().Undefined();
}

// localPort(fd): the port that a socket is bound to.
Napi::Value LocalPort(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  int fd = -1;
  if (!ReadInt(info[0], "fd", &fd)) return {};
  sockaddr_storage address;
  socklen_t length = sizeof(address);
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    return ThrowErrno(env, "getsockname", errno);
  }
  if (address.ss_family == AF_INET) {
    return Napi::Number::New(env, ntohs(reinterpret_cast<sockaddr_in*>(&address)->sin_port));
  }
  if (address.ss_family == AF_INET6) {
    return Napi::Number::New(env, ntohs(reinterpret_cast<sockaddr_in6*>(&address)->sin6_port));
  }
  return ThrowErrno(env, "getsockname", EAFNOSUPPORT);
}

// stopIncoming(fd): a listening socket takes no new SYN, so that no new handshake starts, while
// those under way complete and can be accepted. A filter that drops every packet would also drop the
// last ACK of a handshake whose client believes itself connected, and lose that connection at close.
// Byte 13 of the TCP header holds the flags (RFC 9293 section 3.1).
bool FilterSyns(int fd) {
  constexpr uint32_t kFlagsOffset = 13;
  constexpr uint32_t kSyn = 0x02;
  constexpr uint32_t kWholePacket = 0xffffffff;
  sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, kFlagsOffset),
      BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, kSyn, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, kWholePacket),
      BPF_STMT(BPF_RET | BPF_K, 0),
  };
  sock_fprog program = {sizeof(code) / sizeof(code[0]), code};
  return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) == 0;
}

// The same without a privilege, for kernels that keep filters from ordinary users: the listening
// socket takes only packets with the largest TTL (RFC 5082), and systems send with 64 or 128. What
// belongs to a handshake under way is found before the rule applies (tcp_v4_rcv in
// net/ipv4/tcp_ipv4.c).
bool RefuseUsualTtl(int fd) {
  constexpr int kLargest = 255;
  sockaddr_storage address = {};
  socklen_t length = sizeof(address);
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) return false;
  if (address.ss_family == AF_INET) return SetInt(fd, IPPROTO_IP, IP_MINTTL, kLargest);
  SetInt(fd, IPPROTO_IP, IP_MINTTL, kLargest);
  return SetInt(fd, IPPROTO_IPV6, IPV6_MINHOPCOUNT, kLargest);
}

Napi::Value StopIncoming(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  int fd = -1;
  if (!ReadInt(info[0], "fd", &fd)) return {};
  if (FilterSyns(fd)) return env.Undefined();
  if (errno == EPERM && RefuseUsualTtl(fd)) return env.Undefined();
  return ThrowErrno(env, "setsockopt", errno);
}

// acceptQueueLength(fd): completed connections that nobody has accepted yet. For a listening socket
// the kernel reports its accept queue in `tcpi_unacked` (tcp_get_info in net/ipv4/tcp.c).
Napi::Value AcceptQueueLength(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  int fd = -1;
  if (!ReadInt(info[0], "fd", &fd)) return {};
  tcp_info tcp;
  std::memset(&tcp, 0, sizeof(tcp));
  socklen_t length = sizeof(tcp);
  if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &tcp, &length) != 0) {
    return ThrowErrno(env, "getsockopt", errno);
  }
  if (tcp.tcpi_state != TCP_LISTEN) return ThrowErrno(env, "getsockopt", EINVAL);
  return Napi::Number::New(env, tcp.tcpi_unacked);
}

}  // namespace

void ExportListenSocket(Napi::Env env, Napi::Object exports) {
  exports.Set("bindTcp", Napi::Function::New(env, BindTcp, "bindTcp"));
  exports.Set("listen", Napi::Function::New(env, Listen, "listen"));
  exports.Set("closeDescriptor", Napi::Function::New(env, CloseDescriptor, "closeDescriptor"));
  exports.Set("localPort", Napi::Function::New(env, LocalPort, "localPort"));
  exports.Set("stopIncoming", Napi::Function::New(env, StopIncoming, "stopIncoming"));
  exports.Set("acceptQueueLength",
              Napi::Function::New(env, AcceptQueueLength, "acceptQueueLength"));
}

}  // namespace expressgateway
