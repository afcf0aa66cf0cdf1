// Masking of payloads: XOR with a four-byte key that repeats.
//
// Owns nothing, allocates nothing. 32 bytes a step with AVX2, 8 without. `key` holds the four bytes
// in the order of the wire (loaded and stored with memcpy). Masking twice gives back the input.
// Source: RFC 6455, 5.3.
#pragma once

#include <cstddef>
#include <cstdint>

namespace havklo::websocket {

// out[i] = in[i] ^ key[(position + i) % 4]. `position` is the place of in[0] in the payload of its
// frame. `out` and `in` are the same or do not overlap.
void mask_bytes(std::byte* out, const std::byte* in, size_t size, uint32_t key, uint64_t position);

}  // namespace havklo::websocket
