// A scene whose connections speak TLS: the transport's end with its own contexts, the far end with plain
// OpenSSL.
#pragma once

#include <string>

#include "support/scene.h"
#include "support/tls_contexts.h"
#include "support/tls_peer.h"

namespace expressgateway::test {

struct TlsLink {
  RecordPtr record;
  TlsPeer peer;
};

// Accepted, or dialled.
constexpr bool kSides[] = {false, true};
constexpr int kVersions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

class TlsScene {
 public:
  explicit TlsScene(const std::string& engine, const Sizes& sizes = {});

  // A connection whose far end speaks this version. The handshake has not begun.
  TlsLink Begin(bool dialled, int version = TLS1_3_VERSION);
  // One whose handshake is done.
  TlsLink Make(bool dialled, int version = TLS1_3_VERSION);
  // Turns until both have finished the handshake, or one has failed.
  void ShakeHands(TlsLink* link);

  void SendFrom(TlsLink* link, std::string_view bytes);
  std::string ReadAt(TlsLink* link, size_t size);
  // Turns until the far end meets close_notify, and returns what came before.
  std::string ReadToEnd(TlsLink* link);
  void AwaitReceived(const TlsLink& link, size_t size);
  // Why TLS ended the connection; called while its close is delivered.
  std::string AwaitReason(const TlsLink& link);

  TlsContexts contexts;
  Scene scene;
  TestHost& host;

 private:
  tls::SslContextPointer far_server_;
  tls::SslContextPointer far_client_;
};

}  // namespace expressgateway::test
