// Classifies a picture with a file that `netdsl compile` wrote:  classify FILE.pt PICTURE.ppm [LABELS.txt]
//
// The picture is prepared as `netdsl run` prepares it. Whatever the file was compiled for, it takes and gives float32.

#include <torch/script.h>
#include <torch/torch.h>

#if __has_include(<torch/csrc/jit/passes/onednn_graph_fuser.h>)  // it comes with LibTorch, but is not documented
#include <torch/csrc/jit/passes/onednn_graph_fuser.h>
#define GRAPH_COMPILER AT_MKLDNN_ENABLED()
#else
#define GRAPH_COMPILER 0
#endif

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

constexpr double kCrop = 0.875;  // of the shorter side, as 224 of 256
constexpr int kRuns = 21;

// The numbers of a JSON text, which suffice where there is one list: {"input1": [227, 227, 3]}.
std::vector<int64_t> list_in(const std::string& json) {
    std::vector<int64_t> numbers;
    auto open = json.find('[');
    if (open == std::string::npos || json.find('[', open + 1) != std::string::npos)
        throw std::runtime_error("this example takes networks with one input, and not " + json);
    for (const char* at = json.c_str() + open + 1; *at && *at != ']';) {
        char* end = nullptr;
        numbers.push_back(std::strtoll(at, &end, 10));
        if (end == at) throw std::runtime_error("these are no dims: " + json);
        at = *end == ',' ? end + 1 : end;
    }
    return numbers;
}

// A number of a PPM's heading; comments run from # to the end of the line.
int64_t heading_number(std::istream& file) {
    while ((file >> std::ws).peek() == '#') file.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
    int64_t number = 0;
    if (!(file >> number) || number < 1) throw std::runtime_error("not a binary PPM (P6)");
    return number;
}

// A binary PPM (P6) with 8 bits a colour, as 1 x 3 x height x width from 0 to 1.
torch::Tensor read_ppm(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) throw std::runtime_error(path + ": cannot be read");
    std::string magic(2, ' ');
    file.read(magic.data(), 2);
    if (magic != "P6") throw std::runtime_error(path + ": not a binary PPM (P6)");
    auto width = heading_number(file), height = heading_number(file), most = heading_number(file);
    if (most != 255) throw std::runtime_error(path + ": not 8 bits a colour");
    file.get();  // the one space behind the heading
    auto bytes = torch::empty({height, width, 3}, torch::kUInt8);
    file.read(reinterpret_cast<char*>(bytes.data_ptr<uint8_t>()), bytes.numel());
    if (file.gcount() != bytes.numel()) throw std::runtime_error(path + ": cut short");
    return bytes.permute({2, 0, 1}).unsqueeze(0).to(torch::kFloat32).div(255);
}

// Resizes until the picture just covers height and width over kCrop, crops the centre, and normalises as ImageNet's.
torch::Tensor prepared(const torch::Tensor& picture, int64_t height, int64_t width, int64_t channels) {
    namespace F = torch::nn::functional;
    auto least_height = std::lround(height / kCrop), least_width = std::lround(width / kCrop);
    auto down = picture.size(2), across = picture.size(3);
    auto size = across * least_height <= down * least_width
                    ? std::vector<int64_t>{down * least_width / across, least_width}
                    : std::vector<int64_t>{least_height, across * least_height / down};
    auto options = F::InterpolateFuncOptions().size(size).mode(torch::kBilinear).align_corners(false).antialias(true);
    auto resized = F::interpolate(picture, options);
    auto top = std::lrint((size[0] - height) / 2.0), left = std::lrint((size[1] - width) / 2.0);
    auto cropped = resized.narrow(2, top, height).narrow(3, left, width);
    auto mean = torch::tensor({0.485f, 0.456f, 0.406f}).view({1, 3, 1, 1});
    auto deviation = torch::tensor({0.229f, 0.224f, 0.225f}).view({1, 3, 1, 1});
    if (channels == 1) {  // grey, by the weights of ITU-R 601
        auto weights = torch::tensor({0.299f, 0.587f, 0.114f}).view({1, 3, 1, 1});
        return (((cropped * weights).sum(1, true) - mean.mean()) / deviation.mean()).contiguous();
    }
    return ((cropped - mean) / deviation).contiguous();
}

// Has oneDNN's graph compiler fuse layers, for the whole process. A portable file gains by it; one for a CPU is fused
// already, and is left as it is.
void fuse() {
#if GRAPH_COMPILER
    torch::jit::RegisterLlgaFuseGraph::setEnabled(true);
#endif
}

// The first output: a tensor, or the first of a named tuple.
torch::Tensor first(const torch::IValue& given) {
    return given.isTuple() ? given.toTuple()->elements().at(0).toTensor() : given.toTensor();
}

void classify(const std::string& path, const std::string& picture, const std::vector<std::string>& labels) {
    torch::InferenceMode inference;
    fuse();
    torch::jit::ExtraFilesMap texts{{"title.txt", ""}, {"inputs.json", ""}, {"meanings.json", ""}, {"target.json", ""}};
    auto loaded = torch::jit::load(path, torch::kCPU, texts);
    loaded.eval();
    auto module = torch::jit::freeze(loaded);  // makes constants of the weights
    auto dims = list_in(texts["inputs.json"]);
    if (dims.size() != 3 || (dims[2] != 3 && dims[2] != 1))
        throw std::runtime_error("its input is no picture: " + texts["inputs.json"]);
    std::vector<torch::IValue> input{prepared(read_ppm(picture), dims[0], dims[1], dims[2])};

    auto scores = first(module.forward(input)).squeeze(0).to(torch::kFloat64);
    if (scores.dim() > 1) scores = scores.flatten(1).mean(1);  // of a map, the mean over its places
    // What the first output means: of distances the least is likeliest; what is independent need not have the sum 1.
    auto meaning = texts["meanings.json"].substr(0, texts["meanings.json"].find(','));
    auto means = [&meaning](const char* word) { return meaning.find(word) != std::string::npos; };
    if (means(": \"distances\"")) scores = -scores;
    bool sums = scores.min().item<double>() >= 0 && std::abs(scores.sum().item<double>() - 1) < 1e-3;
    bool probabilities = sums || means(": \"independent\"");
    auto shown = probabilities ? scores : scores.softmax(0);
    auto [values, classes] = shown.topk(std::min<int64_t>(5, shown.size(0)));
    std::printf("%s, compiled for %s\n", texts["title.txt"].c_str(), texts["target.json"].c_str());
    for (int64_t place = 0; place < values.size(0); ++place) {
        auto number = classes[place].item<int64_t>();
        auto label = number < static_cast<int64_t>(labels.size()) ? "  " + labels[number] : "";
        std::printf("%6lld  %.6f%s\n", static_cast<long long>(number), values[place].item<double>(), label.c_str());
    }

    std::vector<double> milliseconds;
    for (int run = 0; run < kRuns; ++run) {
        auto start = std::chrono::steady_clock::now();
        module.forward(input);
        std::chrono::duration<double, std::milli> taken = std::chrono::steady_clock::now() - start;
        if (run > 1) milliseconds.push_back(taken.count());  // the first calls look at the sizes and specialise
    }
    std::nth_element(milliseconds.begin(), milliseconds.begin() + milliseconds.size() / 2, milliseconds.end());
    std::printf("one picture takes %.2f ms (median of %zu)\n", milliseconds[milliseconds.size() / 2],
                milliseconds.size());
}

std::vector<std::string> lines_of(const std::string& path) {
    std::ifstream file(path);
    if (!file) throw std::runtime_error(path + ": cannot be read");
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);) lines.push_back(line);
    return lines;
}

}  // namespace

int main(int count, char** words) {
    if (count < 3 || count > 4) {
        std::fprintf(stderr, "usage: %s FILE.pt PICTURE.ppm [LABELS.txt]\n", words[0]);
        return 2;
    }
    try {
        classify(words[1], words[2], count == 4 ? lines_of(words[3]) : std::vector<std::string>{});
    } catch (const c10::Error& error) {  // PyTorch's, whose what() has a page of addresses too
        std::fprintf(stderr, "error: %s\n", error.what_without_backtrace());
        return 2;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "error: %s\n", error.what());
        return 2;
    }
    return 0;
}
