// Which TLS and io_uring libraries are linked, and whether the cipher runs on the processor's own
// instructions.
#pragma once

#include <string>

namespace havklo::io {

[[nodiscard]] std::string tls_library_text();
[[nodiscard]] std::string ring_library_text();
[[nodiscard]] bool tls_has_assembly();

}  // namespace havklo::io
