// What is asked of TLS over memory: records of 200 bytes to their plaintext, TLS 1.3 with
// AES-128-GCM, many a read or one a read.
//
// Every client reads what one and the same server of ours printed for it. A client brings:
//   explicit Client(const std::string& ca_file)
//   void feed(std::span<const std::byte>)              bytes of the wire
//   bool handshake()                                   true when it is finished
//   void take_output(std::vector<std::byte>& to)       what it wants sent
//   size_t read(std::span<std::byte> room)             plaintext, a record or more; 0: none is left
#pragma once

#include <array>
#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "bench/harness/contender.hpp"
#include "bench/harness/measure.hpp"
#include "io/tls/certificate_authority.hpp"
#include "io/tls/stream.hpp"
#include "support/temporary_file.hpp"

namespace havklo::bench {

inline constexpr size_t record_text_bytes = 200;

inline const io::CertificateAuthority& record_authority() {
  static const io::CertificateAuthority made = io::CertificateAuthority::make().value();
  return made;
}

inline void take_output(io::TlsStream& from, std::vector<std::byte>& to) {
  to.assign(from.output().begin(), from.output().end());
  from.consume_output(to.size());
}

// Ours, as the engine has it.
class WolfsslClient {
 public:
  explicit WolfsslClient(const std::string& ca_file) : WolfsslClient(ca_file, true) {}

  void feed(std::span<const std::byte> wire) { stream_.feed(wire); }
  [[nodiscard]] bool handshake() { return stream_.handshake() == io::TlsStatus::done; }
  void take_output(std::vector<std::byte>& to) { bench::take_output(stream_, to); }
  [[nodiscard]] size_t read(std::span<std::byte> room) { return stream_.read(room).bytes; }

 protected:
  WolfsslClient(const std::string& ca_file, bool opens_records)
      : context_(context(ca_file, opens_records)), stream_(context_, "localhost") {}

 private:
  static io::TlsContext context(const std::string& ca_file, bool opens_records) {
    io::TlsContext made = io::TlsContext::client(ca_file, io::TlsVersions::only_1_3).value();
    if (!opens_records) made.leave_records_to_library();
    return made;
  }
  io::TlsContext context_;
  io::TlsStream stream_;
};

// The same with wolfSSL's own record layer.
class WolfsslRecordsClient : public WolfsslClient {
 public:
  explicit WolfsslRecordsClient(const std::string& ca_file) : WolfsslClient(ca_file, false) {}
};

// A client and its server, hands shaken.
template <class Client>
class RecordPair {
 public:
  RecordPair() {
    std::vector<std::byte> wire;
    bool done = false;
    while (!done || !server_.is_established() || !server_.output().empty()) {
      done = client_.handshake();
      client_.take_output(wire);
      server_.feed(wire);
      static_cast<void>(server_.handshake());
      bench::take_output(server_, wire);
      client_.feed(wire);
    }
    static_cast<void>(client_.read(room_));  // tickets
  }

  // Reads of `per_read` records each, sealed for the client's next reads.
  [[nodiscard]] std::vector<std::vector<std::byte>> reads(size_t records, size_t per_read) {
    std::vector<std::vector<std::byte>> made(records / per_read);
    for (auto& read : made) {
      for (size_t i = 0; i < per_read; ++i) {
        right_ = server_.write(std::as_bytes(std::span(text_))) && right_;
      }
      bench::take_output(server_, read);
    }
    return made;
  }
  void open(std::span<const std::byte> wire, size_t records) {
    client_.feed(wire);
    size_t bytes = 0;
    while (bytes < records * record_text_bytes) {
      const size_t more = client_.read(std::span(room_).subspan(bytes));
      if (more == 0) break;
      bytes += more;
    }
    right_ = bytes == records * record_text_bytes &&
             std::memcmp(room_.data(), text_.data(), record_text_bytes) == 0 && right_;
  }
  // Whether every plaintext was.
  [[nodiscard]] bool right() const { return right_; }

 private:
  TemporaryFile ca_{record_authority().certificate_pem()};
  Client client_{ca_.path()};
  io::TlsContext server_context_ =
      io::TlsContext::server(record_authority().issue().value(), io::TlsVersions::only_1_3).value();
  io::TlsStream server_{server_context_};
  std::string text_ = std::string(record_text_bytes, 'x');
  bool right_ = true;
  std::array<std::byte, 64 * 1024> room_{};
};

template <class Client, size_t per_read>
Measured tls_records(const Run& run) {
  const size_t records = run.tiny ? per_read : 1'024;
  RecordPair<Client> pair;
  std::vector<double> costs;
  for (size_t round = 0; round < (run.tiny ? 1U : 60U); ++round) {
    const auto reads = pair.reads(records, per_read);
    const double begin = thread_cpu_ns();
    for (const auto& read : reads) pair.open(read, per_read);
    costs.push_back((thread_cpu_ns() - begin) / static_cast<double>(records));
  }
  if (!pair.right()) return std::unexpected("the plaintext is wrong");
  return Figure{.value = median(costs), .percentiles = {}};
}

}  // namespace havklo::bench
