// TLS over memory: ciphertext in, plaintext out, and the reverse. wolfSSL does it; nothing here
// knows a socket.
//
// Owns:       a wolfSSL context or session, and the ciphertext that waits to be sent.
// Not owned:  the ciphertext that is fed: it stays the caller's and is read during read() and
//             handshake() only.
// Threads:    a context is shared by streams of one thread; a stream belongs to one thread.
// Errors:     what a peer sends ends in `failed` with a reason, never in an exception.
// Cost:       allocates during the handshake; an established stream allocates nothing for a record
//             (wolfSSL is built with its record buffers inside the session). A client of TLS 1.3
//             with AES-GCM opens application data itself, straight into the reader's room
//             (record_opener.hpp), if its wolfSSL was built to tell it the secret; all else is
//             wolfSSL's record layer, which costs twice as much.
// Trust:      wolfSSL shakes hands; whether the certificates are good is decided by
//             io/certificates/, which it asks before it goes on. Of a certificate it gets the
//             public key that is read there, nothing else.
// Source:     RFC 8446, RFC 5246, RFC 6066 §3 (SNI: names only).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <havklo/reason.hpp>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

struct WOLFSSL;
struct WOLFSSL_CTX;
struct WOLFSSL_SESSION;

namespace havklo::io {

enum class TlsVersions : uint8_t { both, only_1_2, only_1_3 };

// What the keys are agreed in, by the number of RFC 8446 §4.2.7.
enum class TlsGroup : uint16_t { secp256r1 = 23, secp384r1 = 24, secp521r1 = 25, x25519 = 29 };

// What a client offers a share of: nearly every server takes it, and none is quicker. A server that
// knows only another one asks again, which costs a round trip.
[[nodiscard]] TlsGroup preferred_group();

struct ServerIdentity {
  std::string certificate_pem;  // the server's first, then the chain
  std::string key_pem;
};

class ServerHello;
class TlsRecordOpener;
class TrustStore;

// Whether clients of this build open records themselves on this processor, the faster way; and by
// which library, or why not, in one line.
[[nodiscard]] bool opens_records();
[[nodiscard]] std::string record_opener_text();

class TlsContext {
 public:
  // Trusts the CA certificates of `ca_file` (PEM, or a folder of such), or of the system's store.
  // The error is one line.
  [[nodiscard]] static std::expected<TlsContext, std::string> client(
      const std::optional<std::string>& ca_file, TlsVersions versions = TlsVersions::both);
  [[nodiscard]] static std::expected<TlsContext, std::string> server(
      const ServerIdentity& identity, TlsVersions versions = TlsVersions::both);

  // A server that knows no other group.
  void allow_only(TlsGroup group);
  // Every record of a client to wolfSSL: to compare with.
  void leave_records_to_library() { opens_records_ = false; }

 private:
  friend class TlsStream;
  struct Free {
    void operator()(WOLFSSL_CTX* context) const;
  };
  explicit TlsContext(WOLFSSL_CTX* context) : context_(context) {}
  std::unique_ptr<WOLFSSL_CTX, Free> context_;
  std::shared_ptr<const TrustStore> trusted_;  // of a client
  bool opens_records_ = false;
};

// What a reconnect needs to skip the certificates: a session with its ticket.
class TlsSession {
 public:
  TlsSession() = default;
  [[nodiscard]] bool empty() const { return session_ == nullptr; }

 private:
  friend class TlsStream;
  struct Free {
    void operator()(WOLFSSL_SESSION* session) const;
  };
  std::unique_ptr<WOLFSSL_SESSION, Free> session_;
  TlsGroup group_{};
};

enum class TlsStatus : uint8_t {
  done,       // handshake(): finished. read(): more can be read at once
  want_more,  // all that was fed is used up
  closed,     // the peer said close_notify
  failed,     // see reason() and error_text(); what is left in output() is the alert
};

class TlsStream {
 public:
  // A client: `host` is checked against the certificate, and sent as SNI if it is a name, both
  // without the dot of an absolute name ("venue.test."), which neither of them knows. Its share
  // of the keys, in `group`, is made here: with it, four fifths of the way to the hello are done
  // before there is a connection.
  TlsStream(TlsContext& context, std::string_view host, TlsGroup group = preferred_group());
  // The same, or the errno of what it lacks: memory, or a descriptor for the kernel's random
  // numbers.
  [[nodiscard]] static std::expected<std::unique_ptr<TlsStream>, int32_t> client(
      TlsContext& context, std::string_view host, TlsGroup group = preferred_group());
  // A server.
  explicit TlsStream(TlsContext& context);
  ~TlsStream();
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;

  // A client, before the handshake. A session that the server no longer knows falls back to a full
  // handshake (lesson 31), and so does one of TLS 1.3 where the server now speaks 1.2 alone;
  // one of another group than this stream's is not offered, because wolfSSL
  // offers the session's group alone, and a share of another one makes the server refuse.
  void resume(const TlsSession& session);

  // Ciphertext from the peer; what was fed before must be used up.
  void feed(std::span<const std::byte> ciphertext);

  // Goes on with the handshake; call it first, and after each feed() until it is done.
  [[nodiscard]] TlsStatus handshake();
  [[nodiscard]] bool is_established() const { return established_; }
  [[nodiscard]] bool resumed() const;
  // The one that was agreed on; before that, and where no other was, the one that was offered.
  [[nodiscard]] TlsGroup group() const;
  // Whether application data is opened without wolfSSL.
  [[nodiscard]] bool opens_records() const { return opener_ != nullptr; }

  struct Read {
    TlsStatus status = TlsStatus::want_more;
    size_t bytes = 0;  // of plaintext, in front of `room`; also when the status is closed or failed
  };
  // As many records as were fed and fit. The room does not overlap what was fed, and may be written
  // over behind the plaintext, never with what is not plaintext of the peer's.
  [[nodiscard]] Read read(std::span<std::byte> room);

  // Encrypts into output(). False: it does not fit or the stream has failed.
  [[nodiscard]] bool write(std::span<const std::byte> plaintext);
  void send_close_notify();

  // Ciphertext for the peer.
  [[nodiscard]] std::span<const std::byte> output() const {
    return std::span(output_).subspan(output_begin_);
  }
  void consume_output(size_t bytes);

  // For the next connection to this host; a ticket of TLS 1.3 comes after the handshake, so take it
  // when the stream ends. Empty if none has come: an older one would no longer fit the session's
  // secrets. Empty for TLS 1.2: there this wolfSSL does not fall back to a full
  // handshake when the server no longer knows the ticket.
  [[nodiscard]] TlsSession take_session() const;

  [[nodiscard]] Reason reason() const { return reason_; }  // certificate_refused or tls_failed
  // Of certificate_refused: what is wrong with it.
  [[nodiscard]] CertificateFault certificate_fault() const { return certificate_fault_; }
  [[nodiscard]] std::string error_text() const;

 private:
  struct Free {
    void operator()(WOLFSSL* ssl) const;
  };
  friend struct TlsCallbacks;

  void start();
  void refuse_to_start();
  [[nodiscard]] bool hears_server();
  void take_over_records();
  TlsStatus status_of(int result);
  Read read_by_library(std::span<std::byte> room);

  std::unique_ptr<WOLFSSL, Free> ssl_;
  std::shared_ptr<const TrustStore> trusted_;  // of a client
  std::string host_;                           // whose certificate it must be
  bool has_verdict_ = false;                   // on the certificates of this connection
  CertificateFault certificate_fault_ = CertificateFault::none;
  TlsGroup offered_group_ = preferred_group();
  std::unique_ptr<ServerHello> server_hello_;  // where a session was offered
  bool waits_for_hello_ = false;
  std::span<const std::byte> input_;
  std::unique_ptr<TlsRecordOpener> opener_;
  std::span<const std::byte> for_library_;   // what wolfSSL reads when records are opened here
  std::array<std::byte, 48> peer_secret_{};  // between its making and the end of the handshake
  size_t peer_secret_bytes_ = 0;
  std::vector<std::byte> output_;
  size_t output_begin_ = 0;
  bool established_ = false;
  bool is_overrun_ = false;  // wolfSSL had to say more than output() may hold
  bool has_ticket_ = false;  // of this connection
  bool is_closed_ = false;   // by the peer: what comes behind it is not looked at
  int error_ = 0;
  Reason reason_ = Reason::none;
};

}  // namespace havklo::io
