// Bad input of every kind gets one clear line on stderr, the right exit code, and leaves nothing half-written.
#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <limits>
#include <sstream>
#include <vector>

#include "base/json.h"
#include "db/migrations.h"
#include "tests/e2e/process.h"

namespace nntune::e2e {
namespace {

namespace fs = std::filesystem;

/// What a case may spoil before the binary runs.
struct Scene {
  fs::path folder;
  fs::path model;  ///< a copy of the tiny model
  /// The path of a module compiled from it; made when it is asked for, as most cases do without.
  [[nodiscard]] fs::path module() const;
  /// The path of a database as the first nntune made it, without rows.
  [[nodiscard]] fs::path old_database() const;
};

struct Case {
  const char* name;
  std::function<std::string(const Scene&)> arguments;  ///< spoils something and gives the command line
  int exit_code;
  const char* says;         ///< part of the error line
  const char* prefix = "";  ///< of the shell line
};

// --- ways to spoil a model ---

void edit_json(const fs::path& path, const std::function<void(Json&)>& edit) {
  Json json = *read_json(path);
  edit(json);
  write_all(path, json.dump());
}

/// The header of a safetensors file, and the bytes behind it.
struct Safetensors {
  Json header;
  std::string data;

  explicit Safetensors(const fs::path& path) {
    const std::string bytes = read_all(path);
    std::uint64_t size = 0;
    std::memcpy(&size, bytes.data(), 8);
    header = Json::parse(bytes.substr(8, size));
    data = bytes.substr(8 + size);
  }
  void write(const fs::path& path) const {
    const std::string text = header.dump();
    const std::uint64_t size = text.size();
    std::string bytes(8, '\0');
    std::memcpy(bytes.data(), &size, 8);
    write_all(path, bytes + text + data);
  }
};

std::function<std::string(const Scene&)> with_config(std::function<void(Json&)> edit) {
  return [edit = std::move(edit)](const Scene& s) {
    edit_json(s.model / "config.json", edit);
    return "compile " + s.model.string() + " -o " + (s.folder / "out.nnm").string();
  };
}

std::function<std::string(const Scene&)> with_tensors(std::function<void(Safetensors&)> edit) {
  return [edit = std::move(edit)](const Scene& s) {
    Safetensors file(s.model / "model.safetensors");
    edit(file);
    file.write(s.model / "model.safetensors");
    return "compile " + s.model.string() + " -o " + (s.folder / "out.nnm").string();
  };
}

std::function<std::string(const Scene&)> with_model_file(const char* name, std::function<std::string(std::string)> edit,
                                                         const char* command = "compile") {
  return [name, edit = std::move(edit), command](const Scene& s) {
    write_all(s.model / name, edit(read_all(s.model / name)));
    const std::string rest = std::string(command) == "compile" ? " -o " + (s.folder / "out.nnm").string() : " -p hello -n 1";
    return command + (" " + s.model.string()) + rest;
  };
}

std::function<std::string(const Scene&)> with_module(std::function<std::string(std::string)> edit) {
  return [edit = std::move(edit)](const Scene& s) {
    const fs::path module = s.module();
    write_all(module, edit(read_all(module)));
    return "run " + module.string() + " --tokens 1,2 --ids -n 1";
  };
}

std::function<std::string(const Scene&)> plain(const char* arguments) {
  return [arguments](const Scene& s) {
    std::string line = arguments;
    if (line.find("MODULE") != std::string::npos) line.replace(line.find("MODULE"), 6, s.module().string());
    if (line.find("OLD_DB") != std::string::npos) line.replace(line.find("OLD_DB"), 6, s.old_database().string());
    for (const auto& [word, path] : {std::pair{"MODEL", s.model}, {"FOLDER", s.folder}}) {
      for (std::size_t at = line.find(word); at != std::string::npos; at = line.find(word)) {
        line.replace(at, std::strlen(word), path.string());
      }
    }
    return line;
  };
}

std::string put(Safetensors& file, const char* tensor, std::uint16_t bf16_bits) {
  const std::size_t at = file.header[tensor]["data_offsets"][0].get<std::size_t>() + 10;
  std::memcpy(file.data.data() + at, &bf16_bits, 2);
  return "";
}

std::string flipped(std::string bytes, std::size_t at) {
  bytes[at] = static_cast<char>(bytes[at] ^ 0x10);
  return bytes;
}

/// `nntune egraph extract` of a file with this text.
std::function<std::string(const Scene&)> with_egraph(const std::string& text, const std::string& flags = "") {
  return [text, flags](const Scene& s) {
    write_all(s.folder / "graph.json", text);
    return "egraph extract " + (s.folder / "graph.json").string() + flags;
  };
}

const std::vector<Case>& cases() {
  static const char* const kNorm = "model.layers.1.input_layernorm.weight";
  static const char* const kQuery = "model.layers.2.self_attn.q_proj.weight";
  static const std::vector<Case> all = {
      // the command line
      {"unknown command", plain("serch qwen3-0.6b"), 2, "serch"},
      {"unknown flag", plain("compile MODEL --fast -o FOLDER/out.nnm"), 2, "fast"},
      {"no model", plain("compile -o FOLDER/out.nnm"), 2, ""},
      {"no output", plain("compile MODEL"), 2, ""},
      {"zero threads", plain("compile MODEL -t 0 -o FOLDER/out.nnm"), 2, ""},
      {"threads in words", plain("compile MODEL -t two -o FOLDER/out.nnm"), 2, ""},
      {"far too many threads", plain("run MODULE -t 100000 --tokens 1 --ids -n 1"), 2, ""},
      {"prompt in a file that is not there", plain("run MODULE -p @FOLDER/nowhere.txt -n 1"), 1, "nowhere.txt"},
      {"unknown dtype", plain("compile MODEL --dtype f16 -o FOLDER/out.nnm"), 2, "f16"},
      {"budget without unit", plain("search MODEL --budget 3parsecs --db FOLDER/t.db"), 2, "3parsecs"},
      {"negative budget", plain("search MODEL --budget=-1m --db FOLDER/t.db"), 2, ""},
      {"zero trials", plain("search MODEL --trials 0 --db FOLDER/t.db"), 2, ""},
      {"unknown family of rules", plain("search MODEL --ablate fussion --db FOLDER/t.db"), 2, "fussion"},
      {"nothing left", plain("search MODEL --ablate weight_layout --trials 1 --db FOLDER/t.db"), 1, "no kernels"},
      {"unknown permission", plain("compile MODEL --allow speed -o FOLDER/out.nnm"), 2, "weight-rounding"},
      {"unknown permission for a search", plain("search MODEL --allow speed --db FOLDER/t.db"), 2, "weight-rounding"},
      {"unknown permission to explain", plain("explain MODEL --allow speed"), 2, "weight-rounding"},
      {"permission for a module", plain("run MODULE --allow reassociation --tokens 1 --ids -n 1"), 2, "allow"},
      {"zero context", plain("run MODULE --ctx 0 --tokens 1 --ids -n 1"), 2, ""},
      {"negative count", plain("run MODULE --tokens 1 --ids -n -1"), 2, ""},
      {"negative temperature", plain("run MODULE --tokens 1 --ids -n 1 --temperature=-1"), 2, ""},
      {"top-p above one", plain("run MODULE --tokens 1 --ids -n 1 --temperature 1 --top-p 2"), 2, ""},
      {"ids in words", plain("run MODULE --tokens 1,x --ids -n 1"), 2, "x"},
      {"prompt in words for bench", plain("bench MODULE -p abc"), 2, "abc"},
      {"unknown bench format", plain("bench MODULE -o xml"), 2, "xml"},
      {"nothing to run", plain("run MODULE"), 2, ""},
      // e-graphs
      {"egraph without action", plain("egraph"), 2, "extract"},
      {"unknown egraph action", plain("egraph saturate x.json"), 2, "extract"},
      {"egraph without file", plain("egraph extract"), 2, "FILE"},
      {"unknown egraph flag", plain("egraph extract x.json --exactly"), 2, "exactly"},
      {"egraph limit without unit", plain("egraph extract x.json --limit 30"), 2, "--limit"},
      {"egraph seed in words", plain("egraph extract x.json --seed one"), 2, "--seed"},
      {"missing egraph", plain("egraph extract FOLDER/none.json"), 1, "none.json"},
      {"egraph is a folder", plain("egraph extract FOLDER"), 1, ""},
      {"empty egraph", with_egraph(""), 1, "graph.json"},
      {"egraph that is no JSON", with_egraph("(+ a b)"), 1, "graph.json"},
      {"damaged gzip", with_egraph("\x1f\x8b\x08 and then nothing of the kind"), 1, "gzip"},
      {"egraph without roots", with_egraph(R"({"nodes": {"a": {"eclass": "c"}}})"), 1, "root_eclasses"},
      {"unknown child", with_egraph(R"({"nodes": {"a": {"eclass": "c", "children": ["z"]}}, "root_eclasses": ["c"]})"), 1,
       "'z'"},
      {"unknown root", with_egraph(R"({"nodes": {"a": {"eclass": "c"}}, "root_eclasses": ["d"]})"), 1, "'d'"},
      {"negative cost", with_egraph(R"({"nodes": {"a": {"eclass": "c", "cost": -1}}, "root_eclasses": ["c"]})"), 1, "-1"},
      {"cyclic egraph",
       with_egraph(R"({"nodes": {"a": {"eclass": "c", "children": ["a"]}}, "root_eclasses": ["c"]})", " --exact"), 1,
       "needs itself"},
      {"phase that is not there", plain("explain MODEL --phase warmup"), 2, "warmup"},
      // the model
      {"unknown model", plain("compile qwen3-7b -o FOLDER/out.nnm"), 1, "qwen3-0.6b"},
      {"folder without a model", plain("compile FOLDER -o FOLDER/out.nnm"), 1, "config.json"},
      {"malformed config", with_model_file("config.json", [](std::string s) { return s.substr(0, s.size() / 2); }), 1,
       "config.json"},
      {"config is a list", with_model_file("config.json", [](const std::string&) { return std::string("[1]"); }), 1,
       "config.json"},
      {"missing field", with_config([](Json& c) { c.erase("hidden_size"); }), 1, "hidden_size"},
      {"field of a wrong type", with_config([](Json& c) { c["hidden_size"] = "256"; }), 1, "hidden_size"},
      {"scaled rope", with_config([](Json& c) {
         c["rope_scaling"] = {{"type", "yarn"}, {"factor", 4.0}};
       }),
       1, "rope_scaling"},
      {"quantised weights", with_config([](Json& c) {
         c["quantization_config"] = {{"bits", 4}};
       }),
       1, "quantization_config"},
      {"sliding window", with_config([](Json& c) { c["use_sliding_window"] = true; }), 1, "use_sliding_window"},
      {"biased attention", with_config([](Json& c) { c["attention_bias"] = true; }), 1, "attention_bias"},
      {"another activation", with_config([](Json& c) { c["hidden_act"] = "gelu"; }), 1, "hidden_act"},
      {"another architecture", with_config([](Json& c) {
         c["model_type"] = "llama";
         c["architectures"] = {"LlamaForCausalLM"};
       }),
       1, "lama"},
      {"heads that do not divide", with_config([](Json& c) { c["num_key_value_heads"] = 3; }), 1, "num_key_value_heads"},
      {"absurd size", with_config([](Json& c) { c["num_hidden_layers"] = -4; }), 1, "num_hidden_layers"},
      {"no weights",
       [](const Scene& s) {
         fs::remove(s.model / "model.safetensors");
         return "compile " + s.model.string() + " -o " + (s.folder / "out.nnm").string();
       },
       1, "safetensors"},
      {"empty weights", with_model_file("model.safetensors", [](const std::string&) { return std::string(); }), 1,
       "model.safetensors"},
      {"truncated header", with_model_file("model.safetensors", [](std::string s) { return s.substr(0, 100); }), 1,
       "model.safetensors"},
      {"truncated data", with_model_file("model.safetensors", [](std::string s) { return s.substr(0, s.size() - 1000); }), 1,
       "model.safetensors"},
      {"header of absurd length",
       with_model_file("model.safetensors",
                       [](std::string s) { return s.replace(0, 8, "\xff\xff\xff\xff\xff\xff\xff\x7f"); }),
       1, "model.safetensors"},
      {"header that is no JSON", with_model_file("model.safetensors", [](std::string s) { return s.replace(8, 4, "!!!!"); }),
       1, "model.safetensors"},
      {"missing tensor", with_tensors([](Safetensors& f) {
         f.header[std::string(kQuery) + "x"] = f.header[kQuery];  // its bytes stay in use
         f.header.erase(kQuery);
       }),
       1, kQuery},
      {"wrong shape", with_tensors([](Safetensors& f) {
         f.header[kQuery]["shape"] = {256, 512};
       }),
       1, kQuery},
      {"wrong dtype", with_tensors([](Safetensors& f) { f.header[kQuery]["dtype"] = "I16"; }), 1, kQuery},
      {"offsets beyond the file", with_tensors([](Safetensors& f) {
         f.header[kQuery]["data_offsets"] = {0, 1LL << 40};
       }),
       1, kQuery},
      {"NaN", with_tensors([](Safetensors& f) { put(f, kQuery, 0x7fc0); }), 1, kQuery},
      {"infinity", with_tensors([](Safetensors& f) { put(f, kNorm, 0x7f80); }), 1, kNorm},
      {"NaN before a search",
       [](const Scene& s) {
         Safetensors file(s.model / "model.safetensors");
         put(file, kQuery, 0x7fc0);
         file.write(s.model / "model.safetensors");
         return "search " + s.model.string() + " --budget 5s --db " + (s.folder / "t.db").string();
       },
       1, kQuery},
      {"index without its shard",
       [](const Scene& s) {
         fs::remove(s.model / "model.safetensors");
         write_all(s.model / "model.safetensors.index.json",
                   R"({"weight_map": {"model.embed_tokens.weight": "model-00001-of-00002.safetensors"}})");
         return "compile " + s.model.string() + " -o " + (s.folder / "out.nnm").string();
       },
       1, "model-00001-of-00002.safetensors"},
      {"malformed tokenizer",
       with_model_file(
           "tokenizer.json", [](std::string s) { return s.substr(0, 5000); }, "run"),
       1, "tokenizer.json"},
      {"tokenizer of another kind",
       [](const Scene& s) {
         edit_json(s.model / "tokenizer.json", [](Json& t) { t["model"]["type"] = "Unigram"; });
         return "run " + s.model.string() + " -p hello -n 1";
       },
       1, "Unigram"},
      {"no such instruction set", plain("compile MODEL --isa sse9 -o FOLDER/out.nnm"), 2, "sse9"},
      {"instruction set for a module", plain("run MODULE --isa avx2 --tokens 1 --ids -n 1"), 2, "--isa"},
      // running
      {"prompt longer than the context", plain("run MODULE --ctx 4 --tokens 1,2,3,4,5,6 --ids -n 1"), 1, "--ctx"},
      {"token outside the vocabulary", plain("run MODULE --tokens 1,999999 --ids -n 1"), 1, "999999"},
      {"text that is not there", plain("eval MODULE --text FOLDER/none.txt"), 1, "none.txt"},
      {"logits to a missing folder", plain("run MODULE --tokens 1,2 --ids -n 1 --dump-logits FOLDER/none/x.npy"), 1,
       "x.npy"},
      // the module
      {"no module", plain("run FOLDER/none.nnm --tokens 1 --ids -n 1"), 1, "none.nnm"},
      {"empty module", with_module([](const std::string&) { return std::string(); }), 1, "module.nnm"},
      {"not a module", with_module([](const std::string&) { return std::string(10000, 'x'); }), 1, "module.nnm"},
      {"module cut in half", with_module([](std::string s) { return s.substr(0, s.size() / 2); }), 1, "module.nnm"},
      {"module cut in its header", with_module([](std::string s) { return s.substr(0, 40); }), 1, "module.nnm"},
      {"flipped bit in the header", with_module([](std::string s) { return flipped(std::move(s), 20); }), 1, "module.nnm"},
      {"flipped bit in the manifest", with_module([](std::string s) { return flipped(std::move(s), 4200); }), 1,
       "module.nnm"},
      {"flipped bit in the middle", with_module([](std::string s) {
         const auto at = s.size() / 2;
         return flipped(std::move(s), at);
       }),
       1, "module.nnm"},
      // writing
      {"output to a missing folder", plain("compile MODEL -o FOLDER/none/out.nnm"), 1, "none"},
      {"page to a missing folder", plain("explain MODEL --html FOLDER/none/page.html"), 1, "page.html"},
      {"disk full while writing the page", plain("explain MODEL --html FOLDER/page.html"), 1, "page.html",
       "trap '' XFSZ; ulimit -f 8;"},
      {"disk full while writing the module", plain("compile MODEL -o FOLDER/out.nnm"), 1, "out.nnm",
       "trap '' XFSZ; ulimit -f 2000;"},
      // the database: only search and target make one, and only they and db migrate change its schema
      {"no database to compile from", plain("compile MODEL --db FOLDER/none.db -o FOLDER/out.nnm"), 1, "none.db"},
      {"no database to run from", plain("run MODEL --db FOLDER/none.db --tokens 1 --ids -n 1"), 1, "none.db"},
      {"no database to bench from", plain("bench MODEL --db FOLDER/none.db -p 8 -n 0"), 1, "none.db"},
      {"no database to eval from", plain("eval MODEL --db FOLDER/none.db --text MODEL/config.json"), 1, "none.db"},
      {"no database to explain from", plain("explain MODEL --db FOLDER/none.db"), 1, "none.db"},
      {"no database for why", plain("why 0123456789abcdef --db FOLDER/none.db"), 1, "none.db"},
      {"no database for repro", plain("repro 1 --db FOLDER/none.db"), 1, "none.db"},
      {"no database for its statistics", plain("db stats --db FOLDER/none.db"), 1, "none.db"},
      {"no database to migrate", plain("db migrate --db FOLDER/none.db"), 1, "none.db"},
      {"database for a module", plain("run MODULE --db FOLDER/none.db --tokens 1 --ids -n 1"), 2, "--db"},
      {"old database to compile from", plain("compile MODEL --db OLD_DB -o FOLDER/out.nnm"), 1, "`nntune db migrate --db"},
      {"old database to run from", plain("run MODEL --db OLD_DB --tokens 1 --ids -n 1"), 1, "`nntune db migrate --db"},
      {"old database to bench from", plain("bench MODEL --db OLD_DB -p 8 -n 0"), 1, "`nntune db migrate --db"},
      {"old database to eval from", plain("eval MODEL --db OLD_DB --text MODEL/config.json"), 1, "`nntune db migrate --db"},
      {"old database to explain from", plain("explain MODEL --db OLD_DB"), 1, "`nntune db migrate --db"},
      {"old database for why", plain("why 0123456789abcdef --db OLD_DB"), 1, "`nntune db migrate --db"},
      {"old database for repro", plain("repro 1 --db OLD_DB"), 1, "`nntune db migrate --db"},
      {"old database for its statistics", plain("db stats --db OLD_DB"), 1, "`nntune db migrate --db"},
      {"database of garbage",
       [](const Scene& s) {
         write_all(s.folder / "garbage.db", std::string(8192, 'g'));
         return "compile " + s.model.string() + " --db " + (s.folder / "garbage.db").string() + " -o " +
                (s.folder / "out.nnm").string();
       },
       1, "garbage.db"},
      {"garbage for a search",
       [](const Scene& s) {
         write_all(s.folder / "garbage.db", std::string(8192, 'g'));
         return "search " + s.model.string() + " --budget 5s --db " + (s.folder / "garbage.db").string();
       },
       1, "garbage.db"},
      {"database in a file's place", plain("search MODEL --budget 5s --db MODULE/t.db"), 1, "module.nnm"},
  };
  return all;
}

fs::path Scene::module() const {
  static const TemporaryFolder shared_folder;  // for all cases of a process
  const fs::path shared = shared_folder / "module.nnm";
  if (!fs::exists(shared)) {
    const Result result =
        run_nntune("compile " + model.string() + " --db " + empty_database(shared_folder) + " -o " + shared.string());
    EXPECT_EQ(result.exit_code, 0) << result.err;
  }
  fs::copy_file(shared, folder / "module.nnm");
  return folder / "module.nnm";
}

fs::path Scene::old_database() const {
  fs::path path = folder / "old.db";
  auto connection = db::sqlite::Connection::open(path.string(), SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, path);
  EXPECT_TRUE(connection && db::migrate(**connection, db::migrations().first(1)));
  return path;
}

class BadInput : public testing::TestWithParam<std::size_t> {};

/// The last line; progress may come before it.
std::string last_line(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  const std::size_t at = text.rfind('\n');
  return at == std::string::npos ? text : text.substr(at + 1);
}

TEST_P(BadInput, GetsOneClearLine) {
  NNTUNE_NEED_SHARED(model, "tiny-qwen3-dense");
  const Case& test = cases()[GetParam()];
  SCOPED_TRACE(test.name);
  const TemporaryFolder folder;
  const Scene scene{folder.path(), folder / "model"};
  fs::create_directory(scene.model);
  for (const char* name :
       {"config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}) {
    fs::copy_file(fs::path(model) / name, scene.model / name);
    fs::permissions(scene.model / name, fs::perms::owner_all);
  }
  const std::string arguments = test.arguments(scene);
  const std::string home = "XDG_DATA_HOME=" + (folder / "home").string();
  const Result result = run_nntune(arguments, std::string(test.prefix) + " export " + home + ";");
  EXPECT_EQ(result.exit_code, test.exit_code) << result.err;
  const std::string line = last_line(result.err);
  EXPECT_EQ(line.rfind("nntune: ", 0), 0U) << result.err;
  EXPECT_NE(line.find(test.says), std::string::npos) << result.err;
  EXPECT_GT(line.size(), 20U) << result.err;
  EXPECT_EQ(result.err.find("terminate called"), std::string::npos) << result.err;
  EXPECT_FALSE(fs::exists(scene.folder / "out.nnm")) << "a half-written module stays behind";
  EXPECT_FALSE(fs::exists(scene.folder / "none.db")) << "a command that only reads makes a database";
  for (const auto& entry : fs::directory_iterator(scene.folder)) {
    EXPECT_EQ(entry.path().filename().string().find(".tmp"), std::string::npos) << entry.path();
  }
}

INSTANTIATE_TEST_SUITE_P(Table, BadInput, testing::Range<std::size_t>(0, cases().size()),
                         [](const testing::TestParamInfo<std::size_t>& at) {
                           std::string name = cases()[at.param].name;
                           for (char& c : name) {
                             if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
                           }
                           return name;
                         });

}  // namespace
}  // namespace nntune::e2e
