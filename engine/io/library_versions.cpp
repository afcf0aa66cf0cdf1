// From the libraries' own headers.
#include "io/library_versions.hpp"

#include <liburing.h>
#include <wolfssl/options.h>
#include <wolfssl/ssl.h>

#include "io/tls/stream.hpp"

namespace havklo::io {

bool tls_has_assembly() {
#ifdef WOLFSSL_AESNI
  return true;
#else
  return false;
#endif
}

std::string tls_library_text() {
  return std::string("wolfSSL ") + wolfSSL_lib_version() +
         (tls_has_assembly() ? ", AES-NI" : ", AES in C: slow") + "; " + record_opener_text();
}

std::string ring_library_text() {
  return "liburing " + std::to_string(io_uring_major_version()) + "." +
         std::to_string(io_uring_minor_version());
}

}  // namespace havklo::io
