// OpenSSL behind a handful of calls.
#include "bench/peers/cpp/openssl_client.hpp"

#include <openssl/bio.h>
#include <openssl/ssl.h>

namespace havklo::bench {

struct OpenSslClient::State {
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context{SSL_CTX_new(TLS_client_method()),
                                                            SSL_CTX_free};
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl{nullptr, SSL_free};
  BIO* in = BIO_new(BIO_s_mem());  // the session owns both
  BIO* out = BIO_new(BIO_s_mem());
};

OpenSslClient::OpenSslClient(const std::string& ca_file) : state_(std::make_unique<State>()) {
  SSL_CTX* const context = state_->context.get();
  SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
  SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256");
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_load_verify_locations(context, ca_file.c_str(), nullptr);
  state_->ssl.reset(SSL_new(context));
  SSL_set_bio(state_->ssl.get(), state_->in, state_->out);
  SSL_set1_host(state_->ssl.get(), "localhost");
  SSL_set_connect_state(state_->ssl.get());
}

OpenSslClient::~OpenSslClient() = default;

void OpenSslClient::feed(std::span<const std::byte> bytes) {
  BIO_write(state_->in, bytes.data(), static_cast<int>(bytes.size()));
}

bool OpenSslClient::handshake() { return SSL_do_handshake(state_->ssl.get()) == 1; }

void OpenSslClient::take_output(std::vector<std::byte>& to) {
  to.resize(BIO_ctrl_pending(state_->out));
  if (!to.empty()) BIO_read(state_->out, to.data(), static_cast<int>(to.size()));
}

size_t OpenSslClient::read(std::span<std::byte> room) {
  const int bytes = SSL_read(state_->ssl.get(), room.data(), static_cast<int>(room.size()));
  return bytes > 0 ? static_cast<size_t>(bytes) : 0;
}

const char* OpenSslClient::version() { return OpenSSL_version(OPENSSL_VERSION); }

}  // namespace havklo::bench
