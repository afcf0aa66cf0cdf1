// A TLS 1.3 server that can send what no server should: wolfSSL shakes hands and tells its secret,
// the records behind are sealed here, with any content, padding and number.
//
// The sealing shares nothing with what it tests: wolfCrypt's AES-GCM, the nonce made byte by byte.
#pragma once

#include <gtest/gtest.h>
#include <wolfssl/options.h>
// options.h comes first: it says how the library was built.
#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/aes.h>
#include <wolfssl/wolfcrypt/hmac.h>
#include <wolfssl/wolfcrypt/kdf.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/tls/certificate_authority.hpp"
#include "io/tls/stream.hpp"

namespace havklo {

using Wire = std::vector<std::byte>;

inline Wire wire_of(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

// AES-GCM records of one direction under one secret.
class RecordSealer {
 public:
  explicit RecordSealer(std::span<const std::byte> secret)
      : secret_(secret.begin(), secret.end()) {}

  // Content, type, zeros; under the next number.
  [[nodiscard]] Wire seal(const Wire& content, uint8_t type, size_t padding = 0) {
    Wire inner = content;
    inner.push_back(static_cast<std::byte>(type));
    inner.resize(inner.size() + padding);
    return seal_inner(inner);
  }
  [[nodiscard]] Wire text(std::string_view text, size_t padding = 0) {
    return seal(wire_of(text), 23, padding);
  }
  [[nodiscard]] Wire seal_inner(const Wire& inner) {
    Aes aes;
    EXPECT_EQ(wc_AesInit(&aes, nullptr, INVALID_DEVID), 0);
    const Wire key = expand("key", secret_.size() == 32 ? 16 : 32);
    EXPECT_EQ(wc_AesGcmSetKey(&aes, octets(key), static_cast<word32>(key.size())), 0);
    Wire nonce = expand("iv", 12);
    for (size_t i = 0; i < 8; ++i) {
      nonce[11 - i] ^= static_cast<std::byte>(number_ >> (8 * i));
    }
    ++number_;
    const size_t sealed = inner.size() + 16;
    Wire record = {std::byte{23}, std::byte{3}, std::byte{3}, static_cast<std::byte>(sealed >> 8U),
                   static_cast<std::byte>(sealed)};
    record.resize(5 + sealed);
    EXPECT_EQ(wc_AesGcmEncrypt(&aes, octets(record) + 5, octets(inner),
                               static_cast<word32>(inner.size()), octets(nonce), 12,
                               octets(record) + 5 + inner.size(), 16, octets(record), 5),
              0);
    wc_AesFree(&aes);
    return record;
  }

  // As behind a key update.
  void update_secret() {
    secret_ = expand("traffic upd", secret_.size());
    number_ = 0;
  }
  void skip_numbers(uint64_t count) { number_ += count; }

 private:
  static ::byte* octets(Wire& bytes) { return reinterpret_cast<::byte*>(bytes.data()); }
  static const ::byte* octets(const Wire& bytes) {
    return reinterpret_cast<const ::byte*>(bytes.data());
  }
  [[nodiscard]] Wire expand(std::string_view label, size_t bytes) const {
    Wire made(bytes);
    const auto* name = reinterpret_cast<const ::byte*>(label.data());
    const auto* protocol = reinterpret_cast<const ::byte*>("tls13 ");
    EXPECT_EQ(wc_Tls13_HKDF_Expand_Label(octets(made), static_cast<word32>(bytes), octets(secret_),
                                         static_cast<word32>(secret_.size()), protocol, 6, name,
                                         static_cast<word32>(label.size()), nullptr, 0,
                                         secret_.size() == 48 ? int{WC_SHA384} : int{WC_SHA256}),
              0);
    return made;
  }

  Wire secret_;
  uint64_t number_ = 0;
};

class TlsForger {
 public:
  // Whether this wolfSSL tells its secrets.
  static constexpr bool can_forge =
#ifdef HAVE_SECRET_CALLBACK
      true;
#else
      false;
#endif

  explicit TlsForger(const io::ServerIdentity& identity,
                     const char* suite = "TLS13-AES128-GCM-SHA256")
      : context_(wolfSSL_CTX_new(wolfTLSv1_3_server_method())) {
    const auto octets = [](const std::string& text) {
      return reinterpret_cast<const unsigned char*>(text.data());
    };
    WOLFSSL_CTX* const context = context_.get();
    EXPECT_EQ(wolfSSL_CTX_use_certificate_chain_buffer(
                  context, octets(identity.certificate_pem),
                  static_cast<long>(identity.certificate_pem.size())),
              WOLFSSL_SUCCESS);
    EXPECT_EQ(wolfSSL_CTX_use_PrivateKey_buffer(context, octets(identity.key_pem),
                                                static_cast<long>(identity.key_pem.size()),
                                                WOLFSSL_FILETYPE_PEM),
              WOLFSSL_SUCCESS);
    EXPECT_EQ(wolfSSL_CTX_set_cipher_list(context, suite), WOLFSSL_SUCCESS);
    wolfSSL_CTX_SetIORecv(context, receive);
    wolfSSL_CTX_SetIOSend(context, send);
    ssl_.reset(wolfSSL_new(context));
    wolfSSL_SetIOReadCtx(ssl_.get(), this);
    wolfSSL_SetIOWriteCtx(ssl_.get(), this);
#ifdef HAVE_SECRET_CALLBACK
    wolfSSL_set_tls13_secret_cb(ssl_.get(), on_secret, this);
#endif
  }

  // What is left for the client to read: tickets. With `early`, text comes behind the Finished, in
  // the same read, and takes the tickets' place.
  [[nodiscard]] Wire shake_hands(io::TlsStream& client, std::string_view early = {}) {
    Wire tickets;
    for (int step = 0; step < 10; ++step) {
      const bool client_is_done = client.handshake() == io::TlsStatus::done;
      const Wire said(client.output().begin(), client.output().end());
      client.consume_output(said.size());
      input_ = said;
      const bool is_done = wolfSSL_accept(ssl_.get()) == WOLFSSL_SUCCESS;
      Wire answer = take_output();
      if (is_done && client_is_done && !early.empty()) return {};
      if (is_done && client_is_done) {
        sealer_.emplace(secret_);
        for (size_t at = 0; at + 5 <= answer.size();) {
          at += 5 + std::to_integer<size_t>(answer[at + 3]) * 256 +
                std::to_integer<size_t>(answer[at + 4]);
          sealer_->skip_numbers(1);
        }
        return answer;
      }
      flight_ = std::move(answer);
      if (!early.empty() && !secret_.empty()) {
        const Wire text = sealer_.emplace(secret_).text(early);
        flight_.insert(flight_.end(), text.begin(), text.end());
      }
      client.feed(flight_);
    }
    ADD_FAILURE() << "no handshake: " << client.error_text();
    return {};
  }

  [[nodiscard]] RecordSealer& records() { return *sealer_; }
  [[nodiscard]] WOLFSSL* ssl() { return ssl_.get(); }
  [[nodiscard]] Wire take_output() { return std::exchange(output_, {}); }

  // What the client said since, as text; its alert is in alert().
  std::string read_from(io::TlsStream& client) {
    input_.assign(client.output().begin(), client.output().end());
    client.consume_output(client.output().size());
    std::string text(65'536, '\0');
    size_t bytes = 0;
    for (int result = 1; result > 0;) {
      result = wolfSSL_read(ssl_.get(), text.data() + bytes, static_cast<int>(text.size() - bytes));
      if (result > 0) bytes += static_cast<size_t>(result);
    }
    text.resize(bytes);
    return text;
  }
  // The number of the alert that the client sent last, or -1.
  int alert_from(io::TlsStream& client) {
    static_cast<void>(read_from(client));
    WOLFSSL_ALERT_HISTORY history{};
    history.last_rx.code = -1;
    wolfSSL_get_alert_history(ssl_.get(), &history);
    return history.last_rx.code;
  }

 private:
  static int receive(WOLFSSL*, char* buffer, int size, void* forger) {
    Wire& input = static_cast<TlsForger*>(forger)->input_;
    if (input.empty()) return WOLFSSL_CBIO_ERR_WANT_READ;
    const size_t bytes = std::min(static_cast<size_t>(size), input.size());
    std::memcpy(buffer, input.data(), bytes);
    input.erase(input.begin(), input.begin() + static_cast<ptrdiff_t>(bytes));
    return static_cast<int>(bytes);
  }
  static int send(WOLFSSL*, char* buffer, int size, void* forger) {
    const auto said = std::as_bytes(std::span(buffer, static_cast<size_t>(size)));
    Wire& output = static_cast<TlsForger*>(forger)->output_;
    output.insert(output.end(), said.begin(), said.end());
    return size;
  }
#ifdef HAVE_SECRET_CALLBACK
  static int on_secret(WOLFSSL*, int name, const unsigned char* secret, int bytes, void* forger) {
    if (name != SERVER_TRAFFIC_SECRET) return 0;
    const auto told = std::as_bytes(std::span(secret, static_cast<size_t>(bytes)));
    static_cast<TlsForger*>(forger)->secret_.assign(told.begin(), told.end());
    return 0;
  }
#endif
  struct Free {
    void operator()(WOLFSSL_CTX* context) const { wolfSSL_CTX_free(context); }
    void operator()(WOLFSSL* ssl) const { wolfSSL_free(ssl); }
  };

  std::unique_ptr<WOLFSSL_CTX, Free> context_;
  std::unique_ptr<WOLFSSL, Free> ssl_;
  Wire input_;
  Wire output_;
  Wire flight_;
  Wire secret_;
  std::optional<RecordSealer> sealer_;
};

}  // namespace havklo
