// wolfSSL's contexts and sessions.
#include "io/tls/stream.hpp"

#include <wolfssl/options.h>
// options.h comes first: it says how the library was built.
#include <wolfssl/error-ssl.h>
#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/error-crypt.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <havklo/assert.hpp>
#include <havklo/limits.hpp>
#include <mutex>
#include <new>
#include <utility>

#include "io/certificates/server_name.hpp"
#include "io/certificates/trust_store.hpp"
#include "io/tls/callbacks.hpp"
#include "io/tls/record_opener.hpp"
#include "io/tls/server_hello.hpp"

namespace havklo::io {
namespace {

// AES-128 first: it is the fastest where the processor helps, and no weaker in practice.
constexpr const char* cipher_list =
    "TLS13-AES128-GCM-SHA256:TLS13-AES256-GCM-SHA384:TLS13-CHACHA20-POLY1305-SHA256:"
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

// What a client offers, by preference.
constexpr std::array offered_groups = {
#ifdef HAVE_CURVE25519
    TlsGroup::x25519,
#endif
    TlsGroup::secp256r1, TlsGroup::secp384r1, TlsGroup::secp521r1};

bool set_groups(WOLFSSL_CTX* ctx, std::span<const TlsGroup> groups) {
  std::vector<int> numbers;
  for (const TlsGroup group : groups) numbers.push_back(static_cast<int>(group));
  return wolfSSL_CTX_set_groups(ctx, numbers.data(), static_cast<int>(numbers.size())) ==
         WOLFSSL_SUCCESS;
}

// Once a process, and tried again after a failure: what the library lacked may be there now.
bool is_initialised() {
  static std::mutex mutex;
  static bool done = false;
  const std::scoped_lock lock(mutex);
  done = done || wolfSSL_Init() == WOLFSSL_SUCCESS;
  return done;
}

constexpr const char* no_library = "TLS: the library cannot start: no memory, or no descriptor";

WOLFSSL_METHOD* method_of(bool client, TlsVersions versions) {
  switch (versions) {
    case TlsVersions::only_1_2:
      return client ? wolfTLSv1_2_client_method() : wolfTLSv1_2_server_method();
    case TlsVersions::only_1_3:
      return client ? wolfTLSv1_3_client_method() : wolfTLSv1_3_server_method();
    case TlsVersions::both:
      break;
  }
  return client ? wolfTLS_client_method() : wolfTLS_server_method();
}

std::string describe(int error) {
  std::array<char, WOLFSSL_MAX_ERROR_SZ> text{};
  wolfSSL_ERR_error_string_n(static_cast<unsigned long>(error), text.data(), text.size());
  return text.data();
}

// Where the certificates are why wolfSSL gave up before it asked for our verdict: none, too many,
// more bytes than it takes. So many bytes any message may claim, and by anybody in the clear:
// the certificates' fault is that of their own message alone.
CertificateFault fault_before_verdict(int error, bool in_certificates) {
  switch (error) {
    case MAX_CHAIN_ERROR:
      return CertificateFault::path_too_long;
    case NO_PEER_CERT:
      return CertificateFault::malformed;
    case HANDSHAKE_SIZE_ERROR:
      return in_certificates ? CertificateFault::malformed : CertificateFault::none;
    default:
      return CertificateFault::none;
  }
}

// Sessions are resumed by tickets that we keep ourselves: the library's own cache is one for the
// whole process.
void set_up(WOLFSSL_CTX* ctx) {
  wolfSSL_CTX_set_session_cache_mode(ctx, WOLFSSL_SESS_CACHE_OFF);
  wolfSSL_CTX_SetIORecv(ctx, TlsCallbacks::receive);
  wolfSSL_CTX_SetIOSend(ctx, TlsCallbacks::send);
}

}  // namespace

void TlsContext::Free::operator()(WOLFSSL_CTX* context) const { wolfSSL_CTX_free(context); }
void TlsSession::Free::operator()(WOLFSSL_SESSION* session) const { wolfSSL_SESSION_free(session); }
void TlsStream::Free::operator()(WOLFSSL* ssl) const { wolfSSL_free(ssl); }

std::expected<TlsContext, std::string> TlsContext::client(const std::optional<std::string>& ca_file,
                                                          TlsVersions versions) {
  if (!is_initialised()) return std::unexpected(no_library);
  TlsContext context(wolfSSL_CTX_new(method_of(true, versions)));
  WOLFSSL_CTX* ctx = context.context_.get();
  if (ctx == nullptr) return std::unexpected("TLS: out of memory");
  wolfSSL_CTX_SetMinVersion(ctx, WOLFSSL_TLSV1_2);
  if (wolfSSL_CTX_set_cipher_list(ctx, cipher_list) != WOLFSSL_SUCCESS) {
    return std::unexpected("TLS: out of memory");
  }
  wolfSSL_CTX_set_verify(ctx, WOLFSSL_VERIFY_NONE, TlsCallbacks::on_certificates);
  TlsCallbacks::set_on_certificate(ctx);
  wolfSSL_CTX_UseSessionTicket(ctx);
  // Refused where only TLS 1.2 is spoken, which lets the server choose.
  static_cast<void>(set_groups(ctx, offered_groups));
  auto trusted = ca_file ? TrustStore::from(*ca_file) : TrustStore::of_system();
  if (!trusted) return std::unexpected(trusted.error());
  context.trusted_ = std::make_shared<const TrustStore>(std::move(*trusted));
  set_up(ctx);
  context.opens_records_ = opens_records();  // now: it takes milliseconds the first time
  return context;
}

std::expected<TlsContext, std::string> TlsContext::server(const ServerIdentity& identity,
                                                          TlsVersions versions) {
  if (!is_initialised()) return std::unexpected(no_library);
  TlsContext context(wolfSSL_CTX_new(method_of(false, versions)));
  WOLFSSL_CTX* ctx = context.context_.get();
  if (ctx == nullptr) return std::unexpected("TLS: out of memory");
  wolfSSL_CTX_SetMinVersion(ctx, WOLFSSL_TLSV1_2);
  const auto bytes_of = [](const std::string& text) {
    return reinterpret_cast<const unsigned char*>(text.data());
  };
  const int chain = wolfSSL_CTX_use_certificate_chain_buffer(
      ctx, bytes_of(identity.certificate_pem), static_cast<long>(identity.certificate_pem.size()));
  if (chain != WOLFSSL_SUCCESS) {
    return std::unexpected("the server's certificate is not usable PEM: " + describe(chain));
  }
  const int key = wolfSSL_CTX_use_PrivateKey_buffer(ctx, bytes_of(identity.key_pem),
                                                    static_cast<long>(identity.key_pem.size()),
                                                    WOLFSSL_FILETYPE_PEM);
  if (key != WOLFSSL_SUCCESS) {
    return std::unexpected("the server's key is not usable PEM: " + describe(key));
  }
  if (wolfSSL_CTX_check_private_key(ctx) != WOLFSSL_SUCCESS) {
    return std::unexpected("the server's key is not that of its certificate");
  }
  set_up(ctx);
  return context;
}

void TlsContext::allow_only(TlsGroup group) {
  const bool set = set_groups(context_.get(), {&group, 1});
  HAVKLO_ASSERT(set);
}

TlsGroup preferred_group() { return offered_groups.front(); }

TlsStream::TlsStream(TlsContext& context, std::string_view host, TlsGroup group)
    : ssl_(wolfSSL_new(context.context_.get())),
      trusted_(context.trusted_),
      host_(without_root_dot(host)),
      offered_group_(group) {
  start();
  if (ssl_ == nullptr) return;
  bool complete = parse_address(host_) ||
                  wolfSSL_UseSNI(ssl_.get(), WOLFSSL_SNI_HOST_NAME, host_.data(),
                                 static_cast<unsigned short>(host_.size())) == WOLFSSL_SUCCESS;
  wolfSSL_SetCertCbCtx(ssl_.get(), this);
  // A ticket may come in several records: what there is of it is kept in them.
  wolfSSL_KeepArrays(ssl_.get());
  wolfSSL_set_SessionTicket_cb(ssl_.get(), TlsCallbacks::on_ticket, this);
#ifdef HAVE_SECRET_CALLBACK
  if (context.opens_records_) {
    wolfSSL_set_tls13_secret_cb(ssl_.get(), TlsCallbacks::on_secret, this);
  }
#endif
  // BAD_FUNC_ARG: where only TLS 1.2 is spoken, which knows no such thing.
  const int share = wolfSSL_UseKeyShare(ssl_.get(), static_cast<word16>(group));
  complete = complete && (share == WOLFSSL_SUCCESS || share == BAD_FUNC_ARG);
  if (!complete) refuse_to_start();
}

std::expected<std::unique_ptr<TlsStream>, int32_t> TlsStream::client(TlsContext& context,
                                                                     std::string_view host,
                                                                     TlsGroup group) {
  try {
    errno = 0;  // the library does not tell it
    auto stream = std::make_unique<TlsStream>(context, host, group);
    if (const int error = errno; stream->reason_ != Reason::none) {
      return std::unexpected(error != 0 ? error : ENOMEM);
    }
    return stream;
  } catch (const std::bad_alloc&) {
    return std::unexpected(ENOMEM);
  }
}

void TlsStream::resume(const TlsSession& session) {
  if (ssl_ && !session.empty() && session.group_ == offered_group_) {
    wolfSSL_set_session(ssl_.get(), session.session_.get());
    server_hello_ = std::make_unique<ServerHello>();
    waits_for_hello_ = true;
  }
}

// Whether wolfSSL may read what has come.
bool TlsStream::hears_server() {
  if (!waits_for_hello_ || input_.empty()) return true;
  const auto version = server_hello_->hear(std::exchange(input_, {}));
  if (version == ServerHello::Version::not_known_yet) return false;
  if (version == ServerHello::Version::older) wolfSSL_set_SessionTicket(ssl_.get(), nullptr, 0);
  waits_for_hello_ = false;
  input_ = server_hello_->held();
  return true;
}

TlsStream::TlsStream(TlsContext& context) : ssl_(wolfSSL_new(context.context_.get())) { start(); }

TlsStream::~TlsStream() { explicit_bzero(peer_secret_.data(), peer_secret_.size()); }

void TlsStream::start() {
  output_.reserve(output_bytes_max);
  if (ssl_ == nullptr) return refuse_to_start();
  wolfSSL_SetIOReadCtx(ssl_.get(), this);
  wolfSSL_SetIOWriteCtx(ssl_.get(), this);
}

void TlsStream::refuse_to_start() {
  error_ = MEMORY_E;
  reason_ = Reason::tls_failed;
}

void TlsStream::feed(std::span<const std::byte> ciphertext) {
  HAVKLO_ASSERT(input_.empty() || reason_ != Reason::none);
  input_ = ciphertext;
}

TlsStatus TlsStream::handshake() {
  if (reason_ != Reason::none) return TlsStatus::failed;
  if (established_) return TlsStatus::done;
  if (!hears_server()) return TlsStatus::want_more;
  const int result = wolfSSL_negotiate(ssl_.get());
  if (result != WOLFSSL_SUCCESS) return status_of(result);
  if (trusted_ && !has_verdict_ && !resumed()) {  // nobody has said who that is
    reason_ = Reason::certificate_refused;
    certificate_fault_ = CertificateFault::malformed;
    return TlsStatus::failed;
  }
  established_ = true;
  take_over_records();
  return TlsStatus::done;
}

// wolfSSL has taken the server's Finished and nothing behind it: it asks for one record at a time.
void TlsStream::take_over_records() {
  const int suite = wolfSSL_get_current_cipher_suite(ssl_.get());
  const auto secret = std::span(peer_secret_).first(peer_secret_bytes_);
  if (TlsRecordOpener::can_open(suite, secret.size())) {
    opener_ = std::make_unique<TlsRecordOpener>(suite, secret);
  }
  explicit_bzero(peer_secret_.data(), peer_secret_.size());
  peer_secret_bytes_ = 0;
}

bool TlsStream::resumed() const { return ssl_ && wolfSSL_session_reused(ssl_.get()) == 1; }

TlsGroup TlsStream::group() const {
  // wolfSSL tells it by name alone.
  constexpr std::array<std::pair<std::string_view, TlsGroup>, 4> names = {
      {{"X25519", TlsGroup::x25519},
       {"SECP256R1", TlsGroup::secp256r1},
       {"SECP384R1", TlsGroup::secp384r1},
       {"SECP521R1", TlsGroup::secp521r1}}};
  const char* agreed = established_ ? wolfSSL_get_curve_name(ssl_.get()) : nullptr;
  if (agreed == nullptr) return offered_group_;
  const auto named =
      std::ranges::find(names, std::string_view(agreed), [](auto& each) { return each.first; });
  return named == names.end() ? offered_group_ : named->second;
}

TlsStream::Read TlsStream::read(std::span<std::byte> room) {
  if (reason_ != Reason::none) return {.status = TlsStatus::failed, .bytes = 0};
  if (is_closed_) return {.status = TlsStatus::closed, .bytes = 0};
  if (!opener_) return read_by_library(room);
  Read read;
  while (read.bytes < room.size()) {
    const auto opened = opener_->open_next(input_, room.subspan(read.bytes));
    read.bytes += opened.text_bytes;
    if (opened.kind == TlsRecordOpener::Opened::Kind::text) continue;
    if (opened.kind == TlsRecordOpener::Opened::Kind::needs_more) return read;
    for_library_ = opened.record;
    const Read other = read_by_library(room.subspan(read.bytes));
    read.bytes += other.bytes;
    if (other.status == TlsStatus::want_more) continue;
    read.status = other.status;
    return read;
  }
  read.status = TlsStatus::done;
  return read;
}

TlsStream::Read TlsStream::read_by_library(std::span<std::byte> room) {
  Read read;
  while (read.bytes < room.size()) {
    const int result = wolfSSL_read(ssl_.get(), room.data() + read.bytes,
                                    static_cast<int>(room.size() - read.bytes));
    if (result <= 0) {
      read.status = status_of(result);
      return read;
    }
    read.bytes += static_cast<size_t>(result);
  }
  read.status = TlsStatus::done;
  return read;
}

bool TlsStream::write(std::span<const std::byte> plaintext) {
  if (reason_ != Reason::none || !established_) return false;
  if (output().size() + 2 * plaintext.size() + 1024 > output_bytes_max) return false;
  const int written =
      wolfSSL_write(ssl_.get(), plaintext.data(), static_cast<int>(plaintext.size()));
  return written == static_cast<int>(plaintext.size());
}

void TlsStream::send_close_notify() {
  if (reason_ == Reason::none && established_) wolfSSL_shutdown(ssl_.get());
}

void TlsStream::consume_output(size_t bytes) {
  HAVKLO_ASSERT(bytes <= output().size());
  output_begin_ += bytes;
  if (output_begin_ < output_.size()) return;
  output_.clear();
  output_begin_ = 0;
}

TlsSession TlsStream::take_session() const {
  TlsSession session;
  const bool keeps = has_ticket_ && wolfSSL_version(ssl_.get()) == TLS1_3_VERSION;
  if (keeps) session.session_.reset(wolfSSL_get1_session(ssl_.get()));
  session.group_ = group();
  return session;
}

bool opens_records() {
#ifdef HAVE_SECRET_CALLBACK
  return AesGcm::is_fast();
#else
  return false;
#endif
}

std::string record_opener_text() {
#ifdef HAVE_SECRET_CALLBACK
  if (AesGcm::is_fast()) return "TLS 1.3 AES-GCM records opened with " + AesGcm::library_text();
  return "records opened by wolfSSL: no AES instructions";
#else
  return "records opened by wolfSSL: built without HAVE_SECRET_CALLBACK";
#endif
}

std::string TlsStream::error_text() const {
  if (certificate_fault_ != CertificateFault::none) {
    return "certificate: " + std::string(to_string(certificate_fault_));
  }
  return error_ == 0 ? "" : describe(error_);
}

TlsStatus TlsStream::status_of(int result) {
  // A peer that asks for answers and takes none: wolfSSL itself would keep them without limit.
  const int error =
      is_overrun_ ? int{WOLFSSL_ERROR_WANT_WRITE} : wolfSSL_get_error(ssl_.get(), result);
  switch (error) {
    case WOLFSSL_ERROR_WANT_READ:
      return TlsStatus::want_more;
    case WOLFSSL_ERROR_ZERO_RETURN:
      is_closed_ = true;
      input_ = {};
      return TlsStatus::closed;
    default:
      error_ = error;
      if (trusted_ && !has_verdict_) {
        certificate_fault_ =
            fault_before_verdict(error, TlsCallbacks::has_begun_certificates(ssl_.get()));
      }
      reason_ = certificate_fault_ == CertificateFault::none ? Reason::tls_failed
                                                             : Reason::certificate_refused;
      input_ = {};
      return TlsStatus::failed;
  }
}

}  // namespace havklo::io
