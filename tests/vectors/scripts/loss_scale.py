"""The scales of keras.optimizers.LossScaleOptimizer, step by step: loss_scale.json. usage: loss_scale.py"""
import json, os, sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from common import *

OUT = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "loss_scale.json")
# Initial scale, steps until it grows, and whether each step's gradients are finite.
CASES = [(32768.0, 3, "1110111101001111111"), (4.0, 1, "110011"), (1024.0, 2000, "1011")]


def run(initial, growth, finite):
    weight = keras.Variable(np.zeros(2, "float32"))
    inner = keras.optimizers.SGD(learning_rate=1.0)
    optimizer = keras.optimizers.LossScaleOptimizer(inner, initial_scale=initial, dynamic_growth_steps=growth)
    truth = {"initial_scale": initial, "dynamic_growth_steps": growth, "finite": [x == "1" for x in finite]}
    truth.update({"scales": [], "counters": [], "iterations": []})
    for number, good in enumerate(truth["finite"]):
        bad = [np.inf, -np.inf, np.nan][number % 3]
        optimizer.apply([np.array([1.0, 1.0 if good else bad], "float32")], [weight])
        truth["scales"].append(float(optimizer.dynamic_scale))
        truth["counters"].append(int(optimizer.step_counter))
        truth["iterations"].append(int(optimizer.iterations))
    return truth


if __name__ == "__main__":
    with open(OUT, "w") as out:
        json.dump([run(*case) for case in CASES], out)
        out.write("\n")
