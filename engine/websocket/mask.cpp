// Masking of payloads: XOR with a four-byte key that repeats.
#include "websocket/mask.hpp"

#include <array>
#include <cstring>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace havklo::websocket {

void mask_bytes(std::byte* out, const std::byte* in, size_t size, uint32_t key, uint64_t position) {
  // The key as it stands at in[0], twice, so that one pattern serves every step.
  std::array<std::byte, 4> bytes;
  std::memcpy(bytes.data(), &key, 4);
  std::array<std::byte, 8> pattern;
  for (size_t i = 0; i < 8; ++i) pattern[i] = bytes[(position + i) % 4];
  uint64_t word = 0;
  std::memcpy(&word, pattern.data(), 8);

  size_t i = 0;
#if defined(__AVX2__)
  const __m256i wide = _mm256_set1_epi64x(static_cast<int64_t>(word));
  for (; size - i >= 32; i += 32) {
    const __m256i data = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(in + i));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + i), _mm256_xor_si256(data, wide));
  }
#endif
  for (; size - i >= 8; i += 8) {
    uint64_t data = 0;
    std::memcpy(&data, in + i, 8);
    data ^= word;
    std::memcpy(out + i, &data, 8);
  }
  for (; i < size; ++i) out[i] = in[i] ^ pattern[i % 8];
}

}  // namespace havklo::websocket
