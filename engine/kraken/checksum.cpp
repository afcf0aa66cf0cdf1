// The remainder of any text, from a library's CRC.
#include "kraken/checksum.hpp"

#include <libdeflate.h>

namespace havklo::kraken {

// The library complements before and after: with all ones its register begins at 0.
uint32_t remainder_of(std::string_view text) {
  return ~libdeflate_crc32(0xFFFFFFFF, text.data(), text.size());
}

}  // namespace havklo::kraken
