// A TLS 1.3 record of 200 bytes to its plaintext, AES-128-GCM, over memory: one record a read, and
// sixteen. The text is compared before the time counts.
#include <benchmark/benchmark.h>

#include <array>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "io/certificate.hpp"
#include "io/library_versions.hpp"
#include "io/tls.hpp"
#include "support/temporary_file.hpp"

namespace {

using namespace havklo;

constexpr size_t record_bytes = 200;
constexpr size_t records_made = 1024;

struct Pair {
  Pair() {
    const TemporaryFile ca(authority().certificate_pem());
    client_context = io::TlsContext::client(ca.path(), io::TlsVersions::only_1_3).value();
    server_context =
        io::TlsContext::server(authority().issue().value(), io::TlsVersions::only_1_3).value();
    client.emplace(*client_context, "localhost", io::TlsSession{});
    server.emplace(*server_context);
    std::vector<std::byte> wire;
    static_cast<void>(client->handshake());
    while (!client->is_established() || !server->is_established() || !server->output().empty()) {
      move(*client, wire);
      server->feed(wire);
      static_cast<void>(server->handshake());
      move(*server, wire);
      client->feed(wire);
      if (client->handshake() == io::TlsStatus::done) static_cast<void>(client->read(room));
    }
  }
  static void move(io::TlsStream& from, std::vector<std::byte>& wire) {
    wire.assign(from.output().begin(), from.output().end());
    from.consume_output(wire.size());
  }
  static const io::CertificateAuthority& authority() {
    static const io::CertificateAuthority made = io::CertificateAuthority::make().value();
    return made;
  }

  std::optional<io::TlsContext> client_context;
  std::optional<io::TlsContext> server_context;
  std::optional<io::TlsStream> client;
  std::optional<io::TlsStream> server;
  std::array<std::byte, 64 * 1024> room{};
};

void record_to_plaintext(benchmark::State& state) {
  if (!io::tls_has_assembly()) return state.SkipWithError("wolfSSL without AES-NI");
  const auto per_read = static_cast<size_t>(state.range(0));
  Pair pair;
  std::string text(record_bytes, 'x');
  std::vector<std::vector<std::byte>> reads;
  size_t at = 0;
  uint64_t records = 0;
  bool right = true;
  for (auto _ : state) {
    if (at == reads.size()) {
      state.PauseTiming();
      reads.clear();
      at = 0;
      for (size_t i = 0; i < records_made / per_read; ++i) {
        for (size_t j = 0; j < per_read; ++j) {
          right = right && pair.server->write(std::as_bytes(std::span(text)));
        }
        Pair::move(*pair.server, reads.emplace_back());
      }
      state.ResumeTiming();
    }
    pair.client->feed(reads[at++]);
    const io::TlsStream::Read read = pair.client->read(pair.room);
    right = right && read.bytes == record_bytes * per_read &&
            std::memcmp(pair.room.data(), text.data(), record_bytes) == 0;
    records += per_read;
  }
  if (!right) state.SkipWithError("the plaintext is wrong");
  state.counters["per_record"] = benchmark::Counter(
      static_cast<double>(records), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(record_to_plaintext)->Arg(1)->Arg(16);

}  // namespace
