// What wolfSSL asks of a stream: bytes, our verdict on certificates. What it tells it: a ticket, a
// secret.
#pragma once

#include <cstddef>
#include <havklo/limits.hpp>

struct DecodedCert;
struct WOLFSSL;
struct WOLFSSL_CTX;
struct WOLFSSL_X509_STORE_CTX;

namespace havklo::io {

// Ciphertext that may wait: all of the plaintext that a transport lets wait, in records of at least
// a kilobyte, and a handshake flight. Touched only as far as it is used.
inline constexpr size_t output_bytes_max = 2 * size_t{send_buffer_bytes} + 64 * 1024;

struct TlsCallbacks {
  // For a client: each certificate that a server shows goes through on_certificate().
  static void set_on_certificate(WOLFSSL_CTX* context);

  // Puts our reading of the public key in the place of all that wolfSSL has read of a certificate,
  // or has failed to read: what is refused is our verdict's alone. 0: go on.
  static int on_certificate(WOLFSSL* ssl, DecodedCert* certificate);
  // Whether the message whose head wolfSSL has read last, and no more of it, is of certificates.
  [[nodiscard]] static bool has_begun_certificates(const WOLFSSL* ssl);
  // The stream is the context that the session was given for it; the last parameter elsewhere.
  static int on_certificates(int is_good, WOLFSSL_X509_STORE_CTX* shown);
  static int on_ticket(WOLFSSL* ssl, const unsigned char* ticket, int bytes, void* stream);
  static int on_secret(WOLFSSL* ssl, int name, const unsigned char* secret, int bytes,
                       void* stream);
  static int receive(WOLFSSL* ssl, char* buffer, int size, void* stream);
  static int send(WOLFSSL* ssl, char* buffer, int size, void* stream);
};

}  // namespace havklo::io
