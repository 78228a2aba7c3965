#include "input.h"

#include "inference.h"
#include "network.h"

int8_t input_image[NETWORK_INPUT_SIZE];
bool input_complete;

void input_load(void)
{
    if (input_complete) {
        inference_load_image(input_image);
    } else {
        inference_load_sample();
    }
}
