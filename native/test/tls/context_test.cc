// Contexts: what is wrong with settings is said in words, and what can be shared is.
#include <openssl/err.h>
#include <openssl/pem.h>
#include <sys/stat.h>

#include <fstream>
#include <sstream>
#include <string>

#include "support/raw_socket.h"
#include "support/registry.h"
#include "support/tls_contexts.h"
#include "support/tls_scene.h"

namespace expressgateway::test {
namespace {

std::string ProblemOf(TlsContexts* contexts) {
  std::string problem;
  CHECK(!contexts->Open(&problem));
  CHECK_EQ(ERR_peek_error(), 0);
  return problem;
}

void CheckBegins(const std::string& text, const std::string& begin) {
  if (text.starts_with(begin)) return;
  Fail(__FILE__, __LINE__, "\"" + text + "\" does not begin with \"" + begin + "\"");
}

std::string Encrypted(const std::string& key_pem) {
  tls::BioPointer in(BIO_new_mem_buf(key_pem.data(), static_cast<int>(key_pem.size())));
  tls::KeyPointer key(PEM_read_bio_PrivateKey(in.get(), nullptr, nullptr, nullptr));
  tls::BioPointer out(BIO_new(BIO_s_mem()));
  char passphrase[] = "secret";
  CHECK_EQ(PEM_write_bio_PrivateKey(out.get(), key.get(), EVP_aes_128_cbc(), nullptr, 0, nullptr, passphrase), 1);
  char* bytes = nullptr;
  long size = BIO_get_mem_data(out.get(), &bytes);
  return {bytes, static_cast<size_t>(size)};
}

TEST("tls context: what is wrong with a certificate is said in words") {
  TlsContexts contexts;
  tls::Identity& identity = contexts.server_settings.certificates[0].identity;
  tls::Identity good = identity;
  identity.cert_pem = "no PEM";
  CHECK_EQ(ProblemOf(&contexts), "bad PEM of a certificate: it holds none");
  identity.cert_pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
  CheckBegins(ProblemOf(&contexts), "bad PEM of a certificate: ");
  identity = good;
  identity.key_pem = "no PEM";
  CheckBegins(ProblemOf(&contexts), "bad PEM of a private key: ");
  identity.key_pem = Encrypted(good.key_pem);
  CheckBegins(ProblemOf(&contexts), "bad PEM of a private key: ");
  identity.key_pem = contexts.authority.Issue("other.test").key_pem;
  CHECK_EQ(ProblemOf(&contexts), "the private key does not match the certificate");
  contexts.server_settings.certificates.clear();
  CHECK_EQ(ProblemOf(&contexts), "there is no certificate");
}

TEST("tls context: what is wrong with authorities is said in words") {
  TlsContexts contexts;
  contexts.server_settings.client_certificate = tls::ClientCertificate::kRequire;
  CHECK_EQ(ProblemOf(&contexts), "bad PEM of a certificate: it holds none");
  contexts.server_settings.ca_pem = contexts.authority.pem();
  contexts.server_settings.crl_pem = "no PEM";
  CHECK_EQ(ProblemOf(&contexts), "bad PEM of a revocation list (CRL): it holds none");
  contexts.server_settings.crl_pem = "";
  contexts.client_settings.ca_pem = "";
  CHECK_EQ(ProblemOf(&contexts), "bad PEM of a certificate: it holds none");
  contexts.client_settings.verify_peer = false;
  std::string problem;
  CHECK(contexts.Open(&problem));
}

TEST("tls context: authorities are read once for all who use them, and forgotten after") {
  TlsContexts contexts;
  const std::string& pem = contexts.authority.pem();
  tls::TrustStores stores;
  std::string problem;
  tls::StorePointer one = stores.Get(pem, "", &problem);
  CHECK(one != nullptr && stores.Get(pem, "", &problem) == one);
  CHECK(stores.Get(TestAuthority().pem(), "", &problem) != one);
  std::weak_ptr<X509_STORE> gone = one;
  one.reset();
  CHECK(gone.expired());
  // A context holds on to its own.
  tls::StorePointer of_client = contexts.trust.Get(pem, "", &problem);
  CHECK(of_client.use_count() > 1);
}

tls::SslSessionPointer MakeSession(uint8_t number) {
  tls::SslSessionPointer session(SSL_SESSION_new());
  CHECK_EQ(SSL_SESSION_set1_id(session.get(), &number, 1), 1);
  SSL_SESSION_set_protocol_version(session.get(), TLS1_2_VERSION);
  return session;
}

// The number of the session that a connection to this place offers; 0: none.
int OfferedTo(TlsContexts* contexts, const std::string& place) {
  tls::SslPointer ssl = contexts->client->Begin(place);
  CHECK(ssl != nullptr);
  SSL_SESSION* session = SSL_get0_session(ssl.get());
  if (session == nullptr) return 0;
  unsigned int size = 0;
  const uint8_t* id = SSL_SESSION_get_id(session, &size);
  return size == 1 ? *id : 0;
}

TEST("tls context: a client offers a place the newest session of that place, and keeps the last") {
  TlsContexts contexts;
  CHECK_EQ(OfferedTo(&contexts, "a"), 0);
  for (uint8_t number = 1; number <= 6; number++) contexts.client->Remember("a", MakeSession(number));
  contexts.client->Remember("b", MakeSession(7));
  CHECK_EQ(OfferedTo(&contexts, "c"), 0);
  for (int expected : {6, 5, 4, 3, 3, 3}) CHECK_EQ(OfferedTo(&contexts, "a"), expected);
  CHECK_EQ(OfferedTo(&contexts, "b"), 7);
  for (uint8_t number = 10; number < 110; number++) {
    contexts.client->Remember(std::to_string(number), MakeSession(number));
  }
  CHECK_EQ(OfferedTo(&contexts, "a"), 0);
  CHECK_EQ(OfferedTo(&contexts, "109"), 109);
}

TRANSPORT_TEST("tls: secrets are appended to a key log that only its owner may read") {
  TemporaryFolder folder;
  TlsScene scene(engine);
  std::string path = folder.Path("keys");
  scene.contexts.server_settings.common.key_log_path = path;
  std::string problem;
  CHECK(scene.contexts.Open(&problem));
  scene.Make(false);
  scene.Make(false, TLS1_2_VERSION);
  struct stat status;
  CHECK_EQ(stat(path.c_str(), &status), 0);
  CHECK_EQ(status.st_mode & 0777, 0600);
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  CHECK(text.str().starts_with("SERVER_HANDSHAKE_TRAFFIC_SECRET ") ||
        text.str().starts_with("CLIENT_HANDSHAKE_TRAFFIC_SECRET "));
  CHECK(text.str().find("\nCLIENT_RANDOM ") != std::string::npos);
  CHECK_EQ(text.str().back(), '\n');
  scene.contexts.server_settings.common.key_log_path = folder.Path("nowhere/keys");
  CheckBegins(ProblemOf(&scene.contexts), "the key log ");
}

TRANSPORT_TEST("tls: a connection keeps the context that it began with") {
  TlsScene scene(engine);
  TlsLink link = scene.Make(false);
  TlsLink begun = scene.Begin(false);
  std::weak_ptr<tls::Context> old = scene.contexts.server;
  std::string problem;
  CHECK(scene.contexts.Open(&problem));
  CHECK(!old.expired());
  scene.ShakeHands(&begun);
  scene.SendFrom(&begun, "well");
  scene.AwaitReceived(begun, 4);
  for (TlsLink* one : {&link, &begun}) {
    scene.host.Reset(one->record.get());
    scene.host.AwaitClose(one->record);
  }
  scene.scene.Settle();
  CHECK(old.expired());
}

}  // namespace
}  // namespace expressgateway::test
