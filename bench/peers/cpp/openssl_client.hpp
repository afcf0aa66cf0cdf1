// A TLS 1.3 client of OpenSSL over memory, to be measured beside ours.
//
// OpenSSL's headers stay in the source file: they and wolfSSL's share names.
//
// Owns: its context, its session and the two memory BIOs.
// Cost: as OpenSSL documents it: BIO_write() copies in, SSL_read() decrypts and copies out.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace havklo::bench {

class OpenSslClient {
 public:
  explicit OpenSslClient(const std::string& ca_file);
  ~OpenSslClient();
  OpenSslClient(const OpenSslClient&) = delete;
  OpenSslClient& operator=(const OpenSslClient&) = delete;

  void feed(std::span<const std::byte> bytes);
  // True when it is finished.
  [[nodiscard]] bool handshake();
  // What waits to be sent.
  void take_output(std::vector<std::byte>& to);
  // One record; 0 when there is none.
  [[nodiscard]] size_t read(std::span<std::byte> room);
  [[nodiscard]] static const char* version();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace havklo::bench
