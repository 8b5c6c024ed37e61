"""The slides of the lecture (M. Figurnov, Moscow State University, 2014), in its order."""

SLIDES = {
    "Свёрточные сети для семантической сегментации изображений": (
        "The title: convolutional networks for semantic image segmentation"
    ),
    "Семантическая сегментация изображений": "Semantic image segmentation",
    "Традиционный способ решения": "The traditional way (shallow learning)",
    "Convolutional Networks (LeCun et al., 89)": "Convolutional networks (LeCun et al., 89)",
    "Структура слоя сети": "Structure of a layer",
    "Deep learning": "Deep learning",
    "DATA is the new oil": "DATA is the new oil",
    "Выборки": "Data sets",
    "Простейший подход к сегментации": "The simplest approach to segmentation",
    "Простейший подход к сегментации - результаты": "The simplest approach: results",
    "Инвариантность к масштабу": "Invariance to scale",
    "Пирамида изображений": "Image pyramid",
    "Многомасштабные признаки": "Multi-scale features",
    "Многомасштабные признаки - результаты": "Multi-scale features: results",
    "Рекуррентные свёрточные сети": "Recurrent convolutional networks",
    "Рекуррентные свёрточные сети - результаты": "Recurrent convolutional networks: results",
    "Улучшаем обратную связь": "Better feedback",
    "Улучшаем обратную связь - результаты": "Better feedback: results",
    "Архитектура для ImageNet (2012)": "An architecture for ImageNet (2012)",
    "Классификация регионов": "Classification of regions",
    "Классификация регионов – обучение": "Classification of regions: training",
    "Классификация регионов - тестирование": "Classification of regions: testing",
    "Классификация регионов - результаты": "Classification of regions: results",
    "Слабое обучение": "Weak supervision",
    "Слабое обучение – патчи": "Weak supervision: patches",
    "Слабое обучение - тестирование": "Weak supervision: testing",
    "Слабое обучение - результаты": "Weak supervision: results",
    "Выводы": "Conclusions",
}
