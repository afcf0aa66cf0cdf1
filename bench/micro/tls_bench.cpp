// A TLS 1.3 record of 200 bytes to its plaintext, AES-128-GCM, over memory: one record a read, and
// sixteen. Beside ours: wolfSSL's own record layer and OpenSSL's client, on records of the same
// server; and the cipher alone, in place in the buffer, which bounds what any record layer could
// save: the one that we call, and wolfCrypt's. Every text is compared before the time counts; all
// take turns, read about.
#include <benchmark/benchmark.h>
#include <wolfssl/options.h>
// options.h comes first: it says how the library was built.
#include <wolfssl/wolfcrypt/aes.h>

#include <array>
#include <span>
#include <vector>

#include "bench/harness/measure.hpp"
#include "bench/questions/records.hpp"
#include "io/library_versions.hpp"
#include "io/tls/aes_gcm.hpp"
#if HAVKLO_HAS_OPENSSL
#include "bench/peers/cpp/openssl_client.hpp"
#endif

namespace {

using namespace havklo;
using namespace havklo::bench;

constexpr size_t records_made = 1024;

constexpr size_t inner_bytes = record_text_bytes + 1;  // and its content type

// As wolfSSL's record layer calls it.
class WolfcryptAesGcm {
 public:
  explicit WolfcryptAesGcm(std::span<const std::byte> key) {
    wc_AesInit(&aes_, nullptr, INVALID_DEVID);
    wc_AesGcmSetKey(&aes_, octets(key), static_cast<word32>(key.size()));
  }
  ~WolfcryptAesGcm() { wc_AesFree(&aes_); }
  WolfcryptAesGcm(const WolfcryptAesGcm&) = delete;
  WolfcryptAesGcm& operator=(const WolfcryptAesGcm&) = delete;

  bool open(std::span<const std::byte> sealed, const io::AesGcm::Nonce& nonce,
            std::span<const std::byte> header, std::span<std::byte> plain) {
    return wc_AesGcmDecrypt(&aes_, reinterpret_cast<::byte*>(plain.data()), octets(sealed),
                            static_cast<word32>(plain.size()), octets(nonce),
                            static_cast<word32>(nonce.size()), octets(sealed) + plain.size(),
                            io::AesGcm::tag_bytes, octets(header),
                            static_cast<word32>(header.size())) == 0;
  }

 private:
  static const ::byte* octets(std::span<const std::byte> bytes) {
    return reinterpret_cast<const ::byte*>(bytes.data());
  }
  Aes aes_{};
};

// In place, with a record's nonce and its five bytes of header.
template <class Cipher>
class CipherAlone {
 public:
  CipherAlone() {
    const std::vector<std::byte> text(inner_bytes, std::byte{'x'});
    io::AesGcm(key).seal(text, nonce, header, sealed_);
  }

  bool take(size_t records) {
    bool right = true;
    for (size_t i = 0; i < records; ++i) {
      work_ = sealed_;
      right = cipher_.open(work_, nonce, header, std::span(work_).first(inner_bytes)) && right;
    }
    return right && work_[0] == std::byte{'x'} && work_[inner_bytes - 1] == std::byte{'x'};
  }

 private:
  static constexpr std::array<std::byte, 16> key{};
  static constexpr io::AesGcm::Nonce nonce{};
  static constexpr std::array<std::byte, 5> header{};
  Cipher cipher_{key};
  std::array<std::byte, inner_bytes + io::AesGcm::tag_bytes> sealed_{};
  std::array<std::byte, inner_bytes + io::AesGcm::tag_bytes> work_{};
};

// Nanoseconds a record, one figure a pass.
class Passes {
 public:
  template <class Take>
  void time(Take take) {
    const double begin = thread_cpu_ns();
    take();
    costs_.push_back((thread_cpu_ns() - begin) / static_cast<double>(records_made));
  }
  [[nodiscard]] double median_ns() const {
    std::vector<double> costs = costs_;
    return median(costs);
  }
  [[nodiscard]] double ratio_to(const Passes& other) const {
    std::vector<double> ratios;
    for (size_t i = 0; i < costs_.size(); ++i) ratios.push_back(costs_[i] / other.costs_[i]);
    return median(ratios);
  }

 private:
  std::vector<double> costs_;
};

void record_to_plaintext(benchmark::State& state) {
  if (!io::tls_has_assembly()) return state.SkipWithError("wolfSSL without AES-NI");
  const auto per_read = static_cast<size_t>(state.range(0));
  RecordPair<WolfsslClient> ours;
  RecordPair<WolfsslRecordsClient> library;
  CipherAlone<io::AesGcm> cipher;
  CipherAlone<WolfcryptAesGcm> wolfcrypt;
  Passes ours_passes;
  Passes library_passes;
  Passes cipher_passes;
  Passes wolfcrypt_passes;
#if HAVKLO_HAS_OPENSSL
  RecordPair<OpenSslClient> theirs;
  Passes theirs_passes;
#endif
  bool right = true;
  const auto read_about = [&](auto& pair, Passes& passes) {
    state.PauseTiming();
    const auto reads = pair.reads(records_made, per_read);
    state.ResumeTiming();
    passes.time([&] {
      for (const auto& read : reads) pair.open(read, per_read);
    });
    right = pair.right() && right;
  };
  for (auto _ : state) {
    read_about(ours, ours_passes);
    read_about(library, library_passes);
#if HAVKLO_HAS_OPENSSL
    read_about(theirs, theirs_passes);
#endif
    cipher_passes.time([&] { right = cipher.take(records_made) && right; });
    wolfcrypt_passes.time([&] { right = wolfcrypt.take(records_made) && right; });
  }
  if (!right) state.SkipWithError("the plaintext is wrong");
  state.counters["ours_ns"] = ours_passes.median_ns();
  state.counters["wolfssl_ns"] = library_passes.median_ns();
  state.counters["cipher_ns"] = cipher_passes.median_ns();
  state.counters["wolfcrypt_ns"] = wolfcrypt_passes.median_ns();
  state.counters["against_wolfssl"] = ours_passes.ratio_to(library_passes);
#if HAVKLO_HAS_OPENSSL
  state.counters["openssl_ns"] = theirs_passes.median_ns();
  state.counters["ratio"] = ours_passes.ratio_to(theirs_passes);
  state.SetLabel(io::AesGcm::library_text() + "; " + OpenSslClient::version());
#else
  state.SetLabel(io::AesGcm::library_text() + "; OpenSSL was not there to be compared with");
#endif
}
BENCHMARK(record_to_plaintext)->Arg(1)->Arg(16);

}  // namespace
