// wolfSSL as the engine drives it.
#include "bench/questions/records.hpp"

namespace havklo::bench {
namespace {

const Registration many("tls_many", "havklo", HAVKLO_VERSION, tls_records<WolfsslClient, 16>);
const Registration one("tls_one", "havklo", HAVKLO_VERSION, tls_records<WolfsslClient, 1>);

}  // namespace
}  // namespace havklo::bench
