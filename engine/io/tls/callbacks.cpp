// Between wolfSSL's C and our spans.
#include "io/tls/callbacks.hpp"

#include <wolfssl/options.h>
// options.h comes first: it says how the library was built.
// internal.h alone declares the callback that comes before anybody minds what could be read, and
// where in a message it is.
#include <wolfssl/internal.h>
#include <wolfssl/ssl.h>

#if !defined(WOLFSSL_ALWAYS_VERIFY_CB) || !defined(WOLFSSL_PUBLIC_ASN) || \
    !defined(HAVE_PK_CALLBACKS)
#error \
    "build wolfSSL with the options of tools/wolfssl_options.h, as tools/setup does: our verdict is asked for by them"
#endif

#include <algorithm>
#include <cstring>
#include <ctime>
#include <new>
#include <vector>

#include "io/certificates/certificate_path.hpp"
#include "io/tls/record_opener.hpp"
#include "io/tls/stream.hpp"

namespace havklo::io {
namespace {

// As wolfSSL's own reader leaves it. Of a kind that it cannot use nothing: our verdict refuses it.
void give_key(const PublicKey& key, DecodedCert& certificate) {
  const auto give = [&](Key_Sum kind, der::Bytes bytes) {
    certificate.keyOID = kind;
    certificate.publicKey = bytes.data();  // lies in the certificate: not freed by wolfSSL
    certificate.pubKeySize = static_cast<word32>(bytes.size());
  };
  switch (key.type) {
    case KeyType::rsa:
      return give(RSAk, key.info);
    case KeyType::ec:
      return give(ECDSAk, key.info);
    case KeyType::ed25519:
      return give(ED25519k, key.point);
    default:
      return;
  }
}

}  // namespace

void TlsCallbacks::set_on_certificate(WOLFSSL_CTX* context) {
  wolfSSL_CTX_SetProcessPeerCertCb(context, on_certificate);
}

int TlsCallbacks::on_certificate(WOLFSSL*, DecodedCert* certificate) {
  const der::Bytes der(certificate->source, certificate->maxIdx);
  void* heap = certificate->heap;
  FreeDecodedCert(certificate);
  InitDecodedCert(certificate, der.data(), static_cast<word32>(der.size()), heap);
  try {
    if (const auto read = Certificate::parse(der)) give_key(read->key, *certificate);
  } catch (const std::bad_alloc&) {
    return MEMORY_E;
  }
  return 0;
}

// A head is a message's type and its length.
bool TlsCallbacks::has_begun_certificates(const WOLFSSL* ssl) {
  const bufferStatic& input = ssl->buffers.inputBuffer;
  if (input.idx < HANDSHAKE_HEADER_SZ || input.idx > input.length) return false;
  return input.buffer[input.idx - HANDSHAKE_HEADER_SZ] == ::certificate;
}

// wolfSSL's own verdict is off: it asks for ours once, for the server's certificate, whatever it
// makes of it.
int TlsCallbacks::on_certificates(int, WOLFSSL_X509_STORE_CTX* shown) {
  auto& self = *static_cast<TlsStream*>(shown->userCtx);
  try {
    std::vector<der::Bytes> ders;
    for (int i = 0; i < shown->totalCerts; ++i) {
      ders.emplace_back(shown->certs[i].buffer, shown->certs[i].length);
    }
    self.certificate_fault_ =
        judge_server(ders, *self.trusted_, self.host_, std::time(nullptr)).fault;
    self.has_verdict_ = true;
  } catch (const std::bad_alloc&) {
    return 0;  // no verdict is no fault of the certificate's
  }
  if (self.certificate_fault_ == CertificateFault::none) return 1;
  // So that it tells the server, by an alert.
  wolfSSL_set_verify(self.ssl_.get(), WOLFSSL_VERIFY_PEER, on_certificates);
  return 0;
}

int TlsCallbacks::on_ticket(WOLFSSL*, const unsigned char*, int, void* stream) {
  static_cast<TlsStream*>(stream)->has_ticket_ = true;
  return 0;
}

#ifdef HAVE_SECRET_CALLBACK
int TlsCallbacks::on_secret(WOLFSSL*, int name, const unsigned char* secret, int bytes,
                            void* stream) {
  auto& self = *static_cast<TlsStream*>(stream);
  const auto size = static_cast<size_t>(bytes);
  if (name != SERVER_TRAFFIC_SECRET || size > self.peer_secret_.size()) return 0;
  std::memcpy(self.peer_secret_.data(), secret, size);
  self.peer_secret_bytes_ = size;
  return 0;
}
#endif

int TlsCallbacks::receive(WOLFSSL*, char* buffer, int size, void* stream) {
  auto& self = *static_cast<TlsStream*>(stream);
  auto& input = self.opener_ ? self.for_library_ : self.input_;
  if (input.empty()) return WOLFSSL_CBIO_ERR_WANT_READ;
  const size_t bytes = std::min(static_cast<size_t>(size), input.size());
  std::memcpy(buffer, input.data(), bytes);
  input = input.subspan(bytes);
  return static_cast<int>(bytes);
}

int TlsCallbacks::send(WOLFSSL*, char* buffer, int size, void* stream) {
  auto& self = *static_cast<TlsStream*>(stream);
  const auto* begin = reinterpret_cast<const std::byte*>(buffer);
  if (self.output().size() + static_cast<size_t>(size) > output_bytes_max) {
    self.is_overrun_ = true;
    return WOLFSSL_CBIO_ERR_WANT_WRITE;
  }
  if (self.output_.size() + static_cast<size_t>(size) > self.output_.capacity()) {
    self.output_.erase(self.output_.begin(),
                       self.output_.begin() + static_cast<ptrdiff_t>(self.output_begin_));
    self.output_begin_ = 0;
  }
  self.output_.insert(self.output_.end(), begin, begin + size);
  return size;
}

}  // namespace havklo::io
