// Headers and frames, byte by byte.
#include "replay/venue/fault_bytes.hpp"

#include <fmt/chrono.h>

#include <ctime>
#include <havklo/limits.hpp>
#include <initializer_list>

namespace havklo::replay {
namespace {

// IMF-fixdate, RFC 9110 §5.6.7.
std::string http_date(int64_t utc_s) {
  return fmt::format("{:%a, %d %b %Y %H:%M:%S} GMT", fmt::gmtime(static_cast<std::time_t>(utc_s)));
}

}  // namespace

std::string refusal_headers(const Fault& fault, int64_t utc_us) {
  std::string headers;
  if (fault.retry_after) {
    const int64_t seconds = fault.retry_after->ns / 1'000'000'000;
    if (fault.retry_after_date) {
      const int64_t now_s = utc_us / 1'000'000;
      headers += "Date: " + http_date(now_s) + "\r\n";
      headers += "Retry-After: " + http_date(now_s + seconds) + "\r\n";
    } else {
      headers += "Retry-After: " + std::to_string(seconds) + "\r\n";
    }
  }
  if (!fault.location.empty()) headers += "Location: " + fault.location + "\r\n";
  return headers;
}

std::string violation_bytes(const Fault& fault) {
  const auto of = [](std::initializer_list<uint8_t> bytes) {
    return std::string(bytes.begin(), bytes.end());
  };
  switch (fault.violation) {
    case Violation::masked:
      return of({0x81, 0x81, 0, 0, 0, 0, 'x'});
    case Violation::bad_opcode:
      return of({0x83, 0});
    case Violation::reserved_bits:
      return of({0xC1, 0});
    case Violation::invalid_utf8:
      return of({0x81, 2, 0xC3, 0x28});
    case Violation::oversized: {
      const uint64_t length = fault.bytes > 1 ? fault.bytes : uint64_t{2} * message_bytes_max;
      std::string bytes = of({0x81, 127});
      for (int shift = 56; shift >= 0; shift -= 8) bytes += static_cast<char>(length >> shift);
      return bytes;
    }
    case Violation::fragmented_control:
      return of({0x09, 0});
    case Violation::long_control:
      return of({0x89, 126, 0, 126}) + std::string(126, 'x');
    case Violation::stray_continuation:
      return of({0x80, 0});
    case Violation::one_byte_close:
      return of({0x88, 1, 3});
    case Violation::long_length:
      return of({0x81, 126, 0, 5}) + "hello";
  }
  return {};
}

std::string forbidden_close_bytes(const Fault& fault) {
  constexpr size_t reason_bytes_max = 123;
  const std::string reason = fault.text.substr(0, reason_bytes_max);
  std::string bytes;
  for (const size_t byte :
       {size_t{0x88}, 2 + reason.size(), size_t{fault.code} >> 8U, size_t{fault.code} & 0xFFU}) {
    bytes += static_cast<char>(byte);
  }
  return bytes + reason;
}

}  // namespace havklo::replay
