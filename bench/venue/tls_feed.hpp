// A network that is a buffer of TLS 1.3 records: what the benchmark seals is decrypted when it is
// read, as the live transport does it.
//
// Owns: both ends of one TLS connection, established after construction.
#pragma once

#include <havklo/limits.hpp>
#include <optional>
#include <span>
#include <vector>

#include "bench/venue/world.hpp"
#include "io/tls/certificate_authority.hpp"
#include "io/tls/stream.hpp"
#include "support/temporary_file.hpp"

namespace havklo::bench {

class TlsFeed final : public FeedTransport {
 public:
  TlsFeed() {
    const TemporaryFile ca(authority().certificate_pem());
    client_context_ = io::TlsContext::client(ca.path(), io::TlsVersions::only_1_3).value();
    server_context_ =
        io::TlsContext::server(authority().issue().value(), io::TlsVersions::only_1_3).value();
    client_.emplace(*client_context_, "localhost");
    server_.emplace(*server_context_);
    std::vector<std::byte> wire;
    static_cast<void>(client_->handshake());
    while (!client_->is_established() || !server_->is_established() || !server_->output().empty()) {
      move(*client_, wire);
      server_->feed(wire);
      static_cast<void>(server_->handshake());
      move(*server_, wire);
      client_->feed(wire);
      if (client_->handshake() == io::TlsStatus::done) {
        static_cast<void>(client_->read(plaintext_));
      }
    }
  }
  // Where it decrypts into, as the live transport does; null: its own.
  ReceiveRoom* receive_room = nullptr;

  // One record. They are read in the order in which they were sealed.
  [[nodiscard]] std::vector<std::byte> seal(std::span<const std::byte> bytes) override {
    std::vector<std::byte> wire;
    static_cast<void>(server_->write(bytes));
    move(*server_, wire);
    return wire;
  }

 private:
  static const io::CertificateAuthority& authority() {
    static const io::CertificateAuthority made = io::CertificateAuthority::make().value();
    return made;
  }
  static void move(io::TlsStream& from, std::vector<std::byte>& wire) {
    wire.assign(from.output().begin(), from.output().end());
    from.consume_output(wire.size());
  }
  std::span<const std::byte> unseal(std::span<const std::byte> wire) override {
    client_->feed(wire);
    const size_t bytes = plaintext_.size() - receive_padding;
    auto room = std::span(plaintext_).first(bytes);
    if (receive_room != nullptr) {
      const auto given = receive_room->receive_room(connection(), bytes);
      if (!given.empty()) room = given;
    }
    return room.first(client_->read(room).bytes);
  }

  std::optional<io::TlsContext> client_context_;
  std::optional<io::TlsContext> server_context_;
  std::optional<io::TlsStream> client_;
  std::optional<io::TlsStream> server_;
  std::vector<std::byte> plaintext_ = std::vector<std::byte>(64 * 1024 + receive_padding);
};

}  // namespace havklo::bench
