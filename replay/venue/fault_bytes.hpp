// Faults that are bytes: what a refusal says beside its status, and frames that no server may send.
//
// Owns nothing.
#pragma once

#include <cstdint>
#include <string>

#include "replay/venue/fault_plan.hpp"

namespace havklo::replay {

// The header lines of a refusal by FaultKind::http; Retry-After as a date is that of `utc_us`.
[[nodiscard]] std::string refusal_headers(const Fault& fault, int64_t utc_us);

// Frames that RFC 6455 forbids a server, for FaultKind::violation.
[[nodiscard]] std::string violation_bytes(const Fault& fault);

// A close frame for FaultKind::close whose code or reason must not be on the wire: our codec does
// not send it, a scenario's venue may.
[[nodiscard]] std::string forbidden_close_bytes(const Fault& fault);

}  // namespace havklo::replay
