#include "compiler/egraph/gzip.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <limits>

namespace nntune::egraph {

Expected<std::string> gunzip(std::string_view data, std::string_view name, std::size_t most_bytes) {
  const auto damaged = [name](std::string_view why) {
    return fail(ErrorKind::bad_input, fmt::format("{} is not a whole gzip file ({})", name, why),
                "repair or replace the file");
  };
  constexpr int kGzip = 16;
  z_stream stream = {};
  if (inflateInit2(&stream, MAX_WBITS + kGzip) != Z_OK) return fail(ErrorKind::internal, "zlib does not start");
  struct Guard {
    z_stream& stream;
    ~Guard() { inflateEnd(&stream); }
  } const guard{stream};

  std::string result;
  std::string buffer(std::size_t{1} << 18, '\0');
  while (true) {
    if (stream.avail_in == 0) {
      if (data.empty()) return damaged("it ends too early");
      const std::size_t part = std::min<std::size_t>(data.size(), std::numeric_limits<uInt>::max());
      stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(data.data()));  // zlib only reads it
      stream.avail_in = static_cast<uInt>(part);
      data.remove_prefix(part);
    }
    stream.next_out = reinterpret_cast<Bytef*>(buffer.data());
    stream.avail_out = static_cast<uInt>(buffer.size());
    const int status = inflate(&stream, Z_NO_FLUSH);
    if (status != Z_OK && status != Z_STREAM_END) return damaged(stream.msg != nullptr ? stream.msg : "it ends too early");
    result.append(buffer.data(), buffer.size() - stream.avail_out);
    if (result.size() > most_bytes) {
      return fail(ErrorKind::bad_input, fmt::format("{} unpacks to more than {} bytes", name, most_bytes),
                  "give a smaller e-graph");
    }
    if (status == Z_STREAM_END) {
      if (stream.avail_in == 0 && data.empty()) return result;
      inflateReset(&stream);
    }
  }
}

}  // namespace nntune::egraph
