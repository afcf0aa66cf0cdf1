// A TLS 1.3 record of 200 bytes to its plaintext, AES-128-GCM, over memory: one record a read, and
// sixteen. Beside ours: OpenSSL's client on records of the same server, and the cipher alone, in
// place in the buffer, which bounds what any record layer could save. Every text is compared before
// the time counts; the three take turns, read about.
#include <benchmark/benchmark.h>
#include <wolfssl/options.h>
// options.h comes first: it says how the library was built.
#include <wolfssl/wolfcrypt/aes.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <ctime>
#include <optional>
#include <string>
#include <vector>

#include "bench/paired_time.hpp"
#include "io/certificate.hpp"
#include "io/library_versions.hpp"
#include "io/tls.hpp"
#include "support/temporary_file.hpp"
#if HAVKLO_HAS_OPENSSL
#include "bench/openssl_client.hpp"
#endif

namespace {

using namespace havklo;

constexpr size_t record_bytes = 200;
constexpr size_t records_made = 1024;

const io::CertificateAuthority& authority() {
  static const io::CertificateAuthority made = io::CertificateAuthority::make().value();
  return made;
}

void take_output(io::TlsStream& from, std::vector<std::byte>& wire) {
  wire.assign(from.output().begin(), from.output().end());
  from.consume_output(wire.size());
}

// A server of ours that prints records of `text`.
struct Server {
  Server()
      : context(
            io::TlsContext::server(authority().issue().value(), io::TlsVersions::only_1_3).value()),
        stream(context) {}

  std::vector<std::vector<std::byte>> reads(size_t per_read) {
    std::vector<std::vector<std::byte>> made(records_made / per_read);
    for (auto& read : made) {
      for (size_t i = 0; i < per_read; ++i) {
        right = right && stream.write(std::as_bytes(std::span(text)));
      }
      take_output(stream, read);
    }
    return made;
  }

  std::string text = std::string(record_bytes, 'x');
  bool right = true;
  io::TlsContext context;
  io::TlsStream stream;
};

struct OurClient {
  OurClient() {
    const TemporaryFile ca(authority().certificate_pem());
    context = io::TlsContext::client(ca.path(), io::TlsVersions::only_1_3).value();
    stream.emplace(*context, "localhost", io::TlsSession{});
    std::vector<std::byte> wire;
    static_cast<void>(stream->handshake());
    while (!stream->is_established() || !server.stream.is_established() ||
           !server.stream.output().empty()) {
      take_output(*stream, wire);
      server.stream.feed(wire);
      static_cast<void>(server.stream.handshake());
      take_output(server.stream, wire);
      stream->feed(wire);
      if (stream->handshake() == io::TlsStatus::done) static_cast<void>(stream->read(room));
    }
  }
  // True when the plaintext is right.
  bool take(std::span<const std::byte> wire, size_t records) {
    stream->feed(wire);
    const io::TlsStream::Read read = stream->read(room);
    return read.bytes == record_bytes * records &&
           std::memcmp(room.data(), server.text.data(), record_bytes) == 0;
  }

  Server server;
  std::optional<io::TlsContext> context;
  std::optional<io::TlsStream> stream;
  std::array<std::byte, 64 * 1024> room{};
};

#if HAVKLO_HAS_OPENSSL
struct TheirClient {
  TheirClient() {
    const TemporaryFile ca(authority().certificate_pem());
    client.emplace(ca.path());
    std::vector<std::byte> wire;
    bool done = false;
    while (!done || !server.stream.is_established() || !server.stream.output().empty()) {
      done = client->handshake();
      client->take_output(wire);
      server.stream.feed(wire);
      static_cast<void>(server.stream.handshake());
      take_output(server.stream, wire);
      client->feed(wire);
    }
    static_cast<void>(client->read(room));  // tickets
  }
  bool take(std::span<const std::byte> wire, size_t records) {
    client->feed(wire);
    bool right = true;
    for (size_t i = 0; i < records; ++i) right = client->read(room) == record_bytes && right;
    return right && std::memcmp(room.data(), server.text.data(), record_bytes) == 0;
  }

  Server server;
  std::optional<bench::OpenSslClient> client;
  std::array<std::byte, 64 * 1024> room{};
};
#endif

// What a record layer of our own would call: the same library's AES-128-GCM, in place, with the
// record's nonce and its five bytes of header.
class CipherAlone {
 public:
  CipherAlone() {
    wc_AesInit(&aes_, nullptr, INVALID_DEVID);
    std::array<uint8_t, 16> key{};
    wc_AesGcmSetKey(&aes_, key.data(), static_cast<word32>(key.size()));
    sealed_.resize(inner_bytes + tag_bytes);
    std::vector<uint8_t> text(inner_bytes, 'x');
    wc_AesGcmEncrypt(&aes_, sealed_.data(), text.data(), inner_bytes, nonce_.data(),
                     static_cast<word32>(nonce_.size()), sealed_.data() + inner_bytes, tag_bytes,
                     header_.data(), static_cast<word32>(header_.size()));
  }
  ~CipherAlone() { wc_AesFree(&aes_); }
  CipherAlone(const CipherAlone&) = delete;
  CipherAlone& operator=(const CipherAlone&) = delete;

  bool take(size_t records) {
    bool right = true;
    for (size_t i = 0; i < records; ++i) {
      std::memcpy(work_.data(), sealed_.data(), sealed_.size());
      right =
          wc_AesGcmDecrypt(&aes_, work_.data(), work_.data(), inner_bytes, nonce_.data(),
                           static_cast<word32>(nonce_.size()), work_.data() + inner_bytes,
                           tag_bytes, header_.data(), static_cast<word32>(header_.size())) == 0 &&
          right;
    }
    return right && work_[0] == 'x' && work_[inner_bytes - 1] == 'x';
  }

 private:
  static constexpr word32 inner_bytes = record_bytes + 1;  // and its content type
  static constexpr word32 tag_bytes = 16;
  Aes aes_{};
  std::array<uint8_t, 12> nonce_{};
  std::array<uint8_t, 5> header_{};
  std::vector<uint8_t> sealed_;
  std::array<uint8_t, 512> work_{};
};

// Microseconds of chunks of reads, taking turns.
void record_to_plaintext(benchmark::State& state) {
  if (!io::tls_has_assembly()) return state.SkipWithError("wolfSSL without AES-NI");
  const auto per_read = static_cast<size_t>(state.range(0));
  OurClient ours;
  CipherAlone cipher;
#if HAVKLO_HAS_OPENSSL
  TheirClient theirs;
  std::vector<double> theirs_ns;
  std::vector<double> ratios;
#endif
  std::vector<double> ours_ns;
  std::vector<double> cipher_ns;
  bool right = true;
  const auto per_record = [](double begin, double end) {
    return (end - begin) / static_cast<double>(records_made);
  };
  for (auto _ : state) {
    state.PauseTiming();
    const auto our_reads = ours.server.reads(per_read);
#if HAVKLO_HAS_OPENSSL
    const auto their_reads = theirs.server.reads(per_read);
    right = right && theirs.server.right;
#endif
    state.ResumeTiming();
    double begin = bench::thread_cpu_ns();
    for (const auto& read : our_reads) right = ours.take(read, per_read) && right;
    double end = bench::thread_cpu_ns();
    ours_ns.push_back(per_record(begin, end));
#if HAVKLO_HAS_OPENSSL
    begin = end;
    for (const auto& read : their_reads) right = theirs.take(read, per_read) && right;
    end = bench::thread_cpu_ns();
    theirs_ns.push_back(per_record(begin, end));
    ratios.push_back(ours_ns.back() / theirs_ns.back());
#endif
    begin = end;
    right = cipher.take(records_made) && right;
    end = bench::thread_cpu_ns();
    cipher_ns.push_back(per_record(begin, end));
  }
  if (!right || !ours.server.right) state.SkipWithError("the plaintext is wrong");
  state.counters["ours_ns"] = bench::median(ours_ns);
  state.counters["cipher_ns"] = bench::median(cipher_ns);
#if HAVKLO_HAS_OPENSSL
  state.counters["openssl_ns"] = bench::median(theirs_ns);
  state.counters["ratio"] = bench::median(ratios);
  state.SetLabel(bench::OpenSslClient::version());
#else
  state.SetLabel("OpenSSL was not there to be compared with");
#endif
}
BENCHMARK(record_to_plaintext)->Arg(1)->Arg(16);

}  // namespace
