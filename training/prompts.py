"""What the model is tried on. Beginnings and openings were written before any model was measured with them; the closings took the place
of single sentences, after none of which version 0 ended a text."""

# The beginning of a sentence, and a word that an English speaker expects.
EXPECTED = [
    ("The cat sat on the", "floor"),
    ("She opened the door and", "went"),
    ("The capital of France is", "Paris"),
    ("Two plus two is", "four"),
    ("Once upon a", "time"),
    ("The sun rises in the", "east"),
    ("He drank a cup of", "tea"),
    ("The king and the", "queen"),
    ("They lived happily ever", "after"),
    ("The dog barked at the", "man"),
    ("She was born in New", "York"),
    ("The opposite of hot is", "cold"),
    ("A long time", "ago"),
    ("He looked at her and", "said"),
    ("The children played in the", "garden"),
    ("It was raining, so she took an", "umbrella"),
    ("The boy ran as fast as he", "could"),
    ("London is the capital of", "England"),
    ("The moon shone in the", "sky"),
    ("She put the bread on the", "table"),
    ("He closed his eyes and fell", "asleep"),
    ("The bird flew into the", "air"),
    ("In the middle of the", "night"),
    ("The ship sailed across the", "sea"),
    ("One, two, three,", "four"),
    ("The knight drew his", "sword"),
    ("He was the president of the United", "States"),
    ("The old man and his", "wife"),
    ("She washed her hands with soap and", "water"),
    ("The fire was burning in the", "fireplace"),
    ("He had never seen such a beautiful", "woman"),
    ("The second World", "War"),
    ("My name", "is"),
    ("At the end of the", "day"),
    ("She gave him a piece of", "paper"),
    ("He sat down in his", "chair"),
    ("The river flows into the", "sea"),
    ("The snow was white and the sky was", "blue"),
    ("He got on his horse and rode", "away"),
    ("There was a knock at the", "door"),
]

# Where greedy text begins.
OPENINGS = [
    "Once upon a time",
    "The cat sat on the",
    "One day, a little girl named",
    "The old man looked at",
    "In the morning",
    "The city of London",
    "She opened the door and",
    "There was once a king who",
    "The river is",
    "He was born in",
    "\"What do you want?\" said",
    "The ship was",
    "A dog and a fox",
    "The first world war",
    "Tom and his sister",
    "It was a dark night and",
    "The school was built",
    "The princess",
    "Water is",
    "My father told me that",
]

# Short texts that are nearly over.
CLOSINGS = [
    "Once upon a time there was a little dog named Spot. He lost his ball in the garden and was very sad. A kind bird helped him "
    "to find it. Spot was so happy. From that day on, Spot and the bird were",
    "Lily and her mom went to the park. Lily saw a big slide, but she was scared. Her mom held her hand. Lily went down the slide "
    "and laughed. She was not scared any more. Lily was",
    "One day, Tom found a red box in his room. He opened the box and saw a toy car. It was a gift from his dad. Tom hugged his dad "
    "and said, \"Thank you",
    "Once upon a time there was a mouse who lived in a small house. One night a cat came to the door. The mouse was very quiet, and "
    "the cat went away. The mouse was safe and",
    "Ben did not want to share his toys. His sister was sad. Then Ben gave her his blue truck, and they played together all day. Ben "
    "learned that it is good to",
    "The sun was hot and the flower was thirsty. A little girl came with a cup of water. The flower drank the water and stood up "
    "tall. The girl smiled. Every day she came back to",
    "Sam and Ann made a big cake. It fell on the floor. They were sad, but their mom helped them to make a new cake. They all ate "
    "the cake and",
    "Once there was a bear who could not sleep. He asked the owl what to do. The owl sang him a song. The bear closed his eyes and",
    "Mia lost her doll in the forest. She looked under the trees and behind the rocks. At last she found it near the river. Mia took "
    "her doll and ran home. Her mother was",
    "There was a frog who wanted to fly. He jumped and jumped, but he always fell down. A bird took him on her back, and they flew "
    "over the pond. The frog was happy. The bird and the frog became",
    "Jack was playing with a ball, and he broke the window. He told his mother what he had done. She was not angry. She said it was "
    "good to tell the",
    "The rabbit and the turtle ran a race. The rabbit stopped to sleep under a tree. The turtle walked on and on and won the race. "
    "The moral of the story is that",
    "It was time for bed. Anna brushed her teeth and put on her warm pajamas. Her father read her a story. He kissed her good night "
    "and turned off the",
    "A poor man found a bag of gold in his field. He gave half of it to his neighbours, and there was a great feast in the village. "
    "The king heard of it and gave him his daughter, and they lived",
    "The princess kissed the frog, and he became a handsome prince. The old king was glad. The wedding was held the next day, and "
    "all the people danced. They lived happily",
    "Tim and Sue were lost in the snow. They saw a light far away. It was their father with a lamp. He took them home, and they sat "
    "by the fire. They were glad to be",
    "The village has a small church, a school and a post office. It lies on the river, ten miles north of the city. In the census of "
    "2001 it had a population of",
    "He studied at the University of Oxford and became a teacher. He wrote several books about the history of England. He married in "
    "1880 and had two sons. He died in London in",
    "The film was directed by John Smith and released in 1985. It tells the story of a young woman who moves to a small town. It was "
    "not a success, and most critics",
    "Little Red Hen asked, \"Who will help me to eat the bread?\" \"I will,\" said the cat. \"I will,\" said the dog. \"No,\" said the "
    "hen, \"you did not help me.\" And she ate it all",
]
