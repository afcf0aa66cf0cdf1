// OpenSSL over memory BIOs.
#include "bench/peers/cpp/openssl_client.hpp"
#include "bench/questions/records.hpp"

namespace havklo::bench {
namespace {

const std::string version = OpenSslClient::version();
const Registration many("tls_many", "OpenSSL", version, tls_records<OpenSslClient, 16>);
const Registration one("tls_one", "OpenSSL", version, tls_records<OpenSslClient, 1>);

}  // namespace
}  // namespace havklo::bench
