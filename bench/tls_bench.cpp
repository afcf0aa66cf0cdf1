// A TLS 1.3 record of 200 bytes to its plaintext, AES-128-GCM, over memory: one record a read, and
// sixteen. Beside ours: OpenSSL's client on records of the same server, and the cipher alone, in
// place in the buffer, which bounds what any record layer could save. Every text is compared before
// the time counts; the three take turns, read about.
#include <benchmark/benchmark.h>
#include <wolfssl/options.h>
// options.h comes first: it says how the library was built.
#include <wolfssl/wolfcrypt/aes.h>

#include <array>
#include <cstring>
#include <vector>

#include "bench/measure.hpp"
#include "bench/questions/records.hpp"
#include "io/library_versions.hpp"
#if HAVKLO_HAS_OPENSSL
#include "bench/openssl_client.hpp"
#endif

namespace {

using namespace havklo;
using namespace havklo::bench;

constexpr size_t records_made = 1024;

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
  static constexpr word32 inner_bytes = record_text_bytes + 1;  // and its content type
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
  RecordPair<WolfsslClient> ours;
  CipherAlone cipher;
#if HAVKLO_HAS_OPENSSL
  RecordPair<OpenSslClient> theirs;
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
    const auto our_reads = ours.reads(records_made, per_read);
#if HAVKLO_HAS_OPENSSL
    const auto their_reads = theirs.reads(records_made, per_read);
#endif
    state.ResumeTiming();
    double begin = thread_cpu_ns();
    for (const auto& read : our_reads) ours.open(read, per_read);
    double end = thread_cpu_ns();
    ours_ns.push_back(per_record(begin, end));
#if HAVKLO_HAS_OPENSSL
    begin = end;
    for (const auto& read : their_reads) theirs.open(read, per_read);
    end = thread_cpu_ns();
    theirs_ns.push_back(per_record(begin, end));
    ratios.push_back(ours_ns.back() / theirs_ns.back());
#endif
    begin = end;
    right = cipher.take(records_made) && right;
    end = thread_cpu_ns();
    cipher_ns.push_back(per_record(begin, end));
  }
#if HAVKLO_HAS_OPENSSL
  right = right && theirs.right();
#endif
  if (!right || !ours.right()) state.SkipWithError("the plaintext is wrong");
  state.counters["ours_ns"] = median(ours_ns);
  state.counters["cipher_ns"] = median(cipher_ns);
#if HAVKLO_HAS_OPENSSL
  state.counters["openssl_ns"] = median(theirs_ns);
  state.counters["ratio"] = median(ratios);
  state.SetLabel(OpenSslClient::version());
#else
  state.SetLabel("OpenSSL was not there to be compared with");
#endif
}
BENCHMARK(record_to_plaintext)->Arg(1)->Arg(16);

}  // namespace
