// OpenSSL's side of a handshake, in memory: it shows whatever certificates it is given.
#pragma once

#include <openssl/ssl.h>

#include <array>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "io/tls/stream.hpp"
#include "support/openssl_certificates.hpp"
#include "support/temporary_file.hpp"

namespace havklo::openssl {

class Server {
 public:
  // Whether it can sign with such a key by an algorithm that our client offers.
  [[nodiscard]] static bool can_serve(const std::string& key) {
    return key != "ec192" && key != "ec224" && key != "ec256k1" && key != "ed448" &&
           key != "rsa512" && !key.starts_with("rsa_pss");
  }

  // The first of `shown` is its own.
  Server(EVP_PKEY* key, std::span<const Der> shown) {
    SSL_CTX_set_security_level(context_.get(), 0);
    is_ready_ = SSL_CTX_use_certificate(context_.get(), certificate_of(shown.front()).get()) == 1 &&
                SSL_CTX_use_PrivateKey(context_.get(), key) == 1;
    for (const Der& each : shown.subspan(1)) {
      is_ready_ =
          is_ready_ && SSL_CTX_add1_chain_cert(context_.get(), certificate_of(each).get()) == 1;
    }
    ERR_clear_error();
    ssl_.reset(SSL_new(context_.get()));
    from_client_ = BIO_new(BIO_s_mem());
    to_client_ = BIO_new(BIO_s_mem());
    SSL_set_bio(ssl_.get(), from_client_, to_client_);
    SSL_set_accept_state(ssl_.get());
  }

  // OpenSSL shows no certificate whose extensions it cannot read.
  [[nodiscard]] bool is_ready() const { return is_ready_; }

  // Until the client is done or fails, or neither has any more to say.
  io::TlsStatus shake_hands(io::TlsStream& client) {
    io::TlsStatus status = client.handshake();
    std::array<unsigned char, 4096> wire{};
    while (status == io::TlsStatus::want_more) {
      const auto said = client.output();
      BIO_write(from_client_, said.data(), static_cast<int>(said.size()));
      client.consume_output(said.size());
      SSL_do_handshake(ssl_.get());
      bool answered = false;
      int bytes = 0;
      while (status == io::TlsStatus::want_more &&
             (bytes = BIO_read(to_client_, wire.data(), static_cast<int>(wire.size()))) > 0) {
        client.feed(std::as_bytes(std::span(wire).first(static_cast<size_t>(bytes))));
        status = client.handshake();
        answered = true;
      }
      if (!answered) break;
    }
    return status;
  }

 private:
  bool is_ready_ = false;
  std::unique_ptr<SSL_CTX, Freeing<SSL_CTX_free>> context_{SSL_CTX_new(TLS_server_method())};
  std::unique_ptr<SSL, Freeing<SSL_free>> ssl_;
  BIO* from_client_ = nullptr;  // both belong to ssl_
  BIO* to_client_ = nullptr;
};

// What a client makes of a chain in a handshake; none where OpenSSL cannot show it.
inline std::optional<CertificateFault> fault_in_handshake(const Recipe& recipe,
                                                          std::span<const Der> shown,
                                                          std::span<const Der> trusted,
                                                          const std::string& host) {
  if (!Server::can_serve(recipe.key)) return std::nullopt;
  Server server(key_of(recipe.key, recipe.key_number), shown);
  if (!server.is_ready()) return std::nullopt;
  const TemporaryFile roots(pem_of(trusted));
  io::TlsContext context = io::TlsContext::client(roots.path()).value();
  io::TlsStream client(context, host);
  const bool is_done = server.shake_hands(client) == io::TlsStatus::done;
  EXPECT_EQ(is_done, client.certificate_fault() == CertificateFault::none) << client.error_text();
  return client.certificate_fault();
}

}  // namespace havklo::openssl
