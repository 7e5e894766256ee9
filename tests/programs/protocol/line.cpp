// g++ -O2 -o line_cpp line.cpp
#include <cstdio>
#include <iostream>
#include <string>
#include <vector>

// The numbers under one name of the point, row by row.
static std::vector<double> numbers(const std::string& text, const std::string& name) {
    std::size_t at = text.find("\"" + name + "\":", text.find("\"point\"")) + name.size() + 3;
    std::vector<double> found;
    int depth = 0;
    do {
        while (text[at] == ' ' || text[at] == ',') ++at;
        if (text[at] == '[') { ++depth; ++at; }
        else if (text[at] == ']') { --depth; ++at; }
        else {
            std::size_t used;
            found.push_back(std::stod(text.substr(at, 40), &used));
            at += used;
        }
    } while (depth > 0);
    return found;
}

int main() {
    std::string asked;
    std::getline(std::cin, asked);
    std::vector<double> x = numbers(asked, "x"), w = numbers(asked, "w");
    double error = numbers(asked, "b")[0];
    for (std::size_t k = 0; k < x.size(); ++k) error += w[k]*x[k];
    std::printf("{\"gradient\": {\"w\": [");
    for (std::size_t k = 0; k < x.size(); ++k) std::printf("%s%.17g", k ? ", " : "", error*x[k]);
    std::printf("], \"b\": %.17g}, \"loss\": %.17g}\n", error, error*error/2);
}
